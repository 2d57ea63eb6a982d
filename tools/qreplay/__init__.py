# qreplay - the parts of tools/replay.py: transcripts, forms of answers, the two replays.
# SPDX-License-Identifier: MIT
