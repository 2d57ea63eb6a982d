SRC_USERMOD_C += $(USERMOD_DIR)/emu.c shared/runtime/mpirq.c shared/timeutils/timeutils.c
CFLAGS_USERMOD += -I$(USERMOD_DIR) -DMP_CONFIGFILE='"$(USERMOD_DIR)/../../mpconfigport_emu.h"'
LDFLAGS_USERMOD += -T $(USERMOD_DIR)/emu.ld -Wl,--wrap=uart_init -Wl,--wrap=mp_hal_stdin_rx_chr -Wl,--wrap=mp_hal_stdio_poll -Wl,--wrap=mp_init
