# receiver - the server that devices send their records to, and get messages from.
# SPDX-License-Identifier: MIT
#
# docs/receiver.md shows how to run it, docs/protocol.md what goes over the wire.
#
#     __main__, options    any Python: the command line, the settings; then the virtual environment
#     main, serve          the commands; all parts of the running server, and its end
#     devices              the HTTPS side for devices: one POST, one transaction, one answer
#     mqtt                 the MQTT side: acknowledged only once the database has it
#     forms                from bytes to records, times and values; unpackers of compact forms
#     intake               one thread that writes, many deliveries a transaction
#     store                the database: SQLite, or PostgreSQL
#     messages             what goes down to a device, and its signature
#     updates, updates_page   files and updates of the program, and their page
#     page, login, plot    the page and the API for people and programs
#     metrics, keys        what Prometheus reads; secrets and certificates
