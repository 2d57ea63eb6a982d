# qcover - measures which lines of the driver the cases reach.
# SPDX-License-Identifier: MIT
