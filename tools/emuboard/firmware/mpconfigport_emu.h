// MicroPython's qemu port as a board for driver tests: adds time, select, asyncio, os.urandom and machine.UART.
#include "ports/qemu/mpconfigport.h"

#undef MICROPY_PY_TIME
#undef MICROPY_PY_OS_URANDOM
#undef MICROPY_PY_OS_INCLUDEFILE
#undef MICROPY_PY_SELECT
#undef MICROPY_PY_ASYNCIO
#undef MICROPY_PY_SYS_STDIO_BUFFER
#undef MICROPY_VFS_ROM_IOCTL
#define MICROPY_PY_TIME             (1)
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (1)
#define MICROPY_PY_TIME_TIME_TIME_NS (1)
#define MICROPY_PY_TIME_INCLUDEFILE "emutime.h"
#define MICROPY_PY_OS_URANDOM       (1)
#define MICROPY_PY_OS_INCLUDEFILE   "emuos.h"
#define MICROPY_PY_SELECT           (1)
#define MICROPY_PY_ASYNCIO          (1)
#define MICROPY_PY_SYS_STDIO_BUFFER (1)
#define MICROPY_KBD_EXCEPTION       (1)
#define MICROPY_VFS_ROM_IOCTL       (1)    // a ROM partition: see emu.c
#define MICROPY_PY_MACHINE_UART     (1)
#define MICROPY_PY_MACHINE_UART_IRQ (1)
#define MICROPY_PY_MACHINE_UART_SENDBREAK (0)
#define MICROPY_PY_MACHINE_UART_INCLUDEFILE "machine_uart_emu.h"

#include <stdint.h>
static inline uint32_t emu_irq_off(void) {
    uint32_t m;
    __asm volatile ("mrs %0, primask\n\tcpsid i" : "=r" (m) : : "memory");
    return m;
}
static inline void emu_irq_restore(uint32_t m) {
    __asm volatile ("msr primask, %0" : : "r" (m) : "memory");
}
#define MICROPY_BEGIN_ATOMIC_SECTION() emu_irq_off()
#define MICROPY_END_ATOMIC_SECTION(state) emu_irq_restore(state)
// SysTick wakes this every millisecond at the latest.
#define MICROPY_INTERNAL_WFE(timeout_ms) __asm volatile ("wfi")

// A soft reset closes the lines: their rings lie in the heap it clears.
void emu_lines_close(void);
#define MICROPY_PORT_DEINIT_FUNC emu_lines_close()
