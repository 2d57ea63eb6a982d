# ugsim.model.commands - every AT command, by topic, with the state it works on.
# SPDX-License-Identifier: MIT
#
#   table       which handler serves which command: start here to find one
#   general     ATE, ATV, AT&D, AT&F, AT&W, ATZ, CMEE, QISDE, QSCLK, CTZU, QCFG
#   identity    ATI, CGMI, CGMM, CGMR, CGSN, CIMI, QCCID
#   port        IPR, IFC, ICF: the UART's rate and flow control
#   power       QPOWD, CFUN, QINISTAT: start-up URCs, restart, PWRKEY and RESET
#   radio       CREG, CGREG, COPS, CSQ, CGATT, CEER
#   sim         CPIN, QPINC, CPINR: the card
#   clock       CCLK, QLTS, QNTP, CTZR
#   pdp         QICSGP, QIACT, QIDEACT, QILOCIP, QIOPEN, QISTATE, QICLOSE, QIGETERROR
#   phone       QSIMSTAT, CMGF, CNMI, CSCS, CLIP, ...: what other drivers send at their start
#   dns         QIDNSCFG, QIDNSGIP
#   files       QFLDS, QFLST, QFDEL, QFUPL, QFDWL     (storage: the files themselves)
#   filehandle  QFOPEN, QFREAD, QFWRITE, QFSEEK, QFPOSITION, QFTUCAT, QFCLOSE
#   sslcfg      QSSLCFG
#   ssl         QSSLOPEN, QSSLSEND, QSSLRECV, QSSLCLOSE, QSSLSTATE
#   sockets     the SSL sockets at work: opening, data, URCs, closing     (sslsocket: one of them)
#   datamode    what QSSLSEND, QFUPL, QFWRITE and transparent mode do with the host's bytes
#   modes       QISWTMD, ATO, DTR
