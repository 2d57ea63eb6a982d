# qpackage - the driver as a package for boards: package.json, .mpy files, versions.
# SPDX-License-Identifier: MIT
