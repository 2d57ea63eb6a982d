# ugsim.model.family.eg800k - EC200A, EC800x, EG800K, EG91xN: what tests of an EG800K saw.
# SPDX-License-Identifier: MIT

from ugsim.model.family import ec200u, lte


class Family(ec200u.Family):
    defaults = lte.Family.defaults + (
        ("urc_port", "elsewhere"),
        ("host_check", "level"),
        ("atd_default", "2"),
        ("addresses", "46"),
        ("prompt_timeout_ms", "5000"),
        ("qfupl_short", "421"),
        ("file_prefix", "all"),
        ("ufs_total", "286720"),
        ("boot_ms", "4400"),
    )
    keys = lte.Family.keys + ("sni", "ignoremulticertchainverify", "ignoreinvalidcertsign")
    keys += lte.EC_KEYS
    ranges = lte.EC_RANGES
    open_test = "+QSSLOPEN: (1-15),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]"
    local_port = 0
    recv_zero = True
    ca_paths = 6

    contexts = 15
    most_active = 8
    auth_most = 3
    ports = ("usbat", "usbmodem", "uart1")
    on_ms = 500
    off_ms = 650

    ufs_taken = 286720 - 180224
    block = 4096
    words = ((407, "file already exist"),)

    qicfg = ec200u.Family.qicfg + ("send/buffersize", "tcp/sendmode")
    qcfg = ("urc/cache", "nwscanmode")
