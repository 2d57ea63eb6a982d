# receiver - the server that devices send their records to, and get messages from.
# SPDX-License-Identifier: MIT
#
# docs/receiver.md shows how to run it, docs/protocol.md what goes over the wire.
#
#     __main__, options    any Python: the command line, the settings; then the virtual environment
#     main, serve          the commands; all parts of the running server, and its end
#     door, wire           who is let in, and how a connection ends
#     devices              the HTTPS side for devices: one POST, one transaction, one answer
#     mqtt                 the MQTT side: acknowledged only once the database has it
#     forms, batch         from bytes to records, times and values; the batch form
#     intake               one thread that writes, many deliveries a transaction
#     store, tables        the database: SQLite, or PostgreSQL
#     messages             what goes down to a device, and its signature
#     updates              files for devices and from them, updates of their program
#     page, updates_page   the pages and the API; requests: what these are sent; pages/: templates
#     login, accounts      who may use them
#     plot                 values over time as a picture
#     metrics, keys        what Prometheus reads; secrets and certificates
#     board_files, broker  the files that a board, and mosquitto, needs
