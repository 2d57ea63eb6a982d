// What extmod/modtime.c asks of a port.
#include "shared/timeutils/timeutils.h"

mp_obj_t emu_time(void);
static mp_obj_t time_localtime(size_t n_args, const mp_obj_t *args);

static mp_obj_t mp_time_time_get(void) {
    return emu_time();
}

static mp_obj_t mp_time_localtime_get(void) {
    mp_obj_t now = emu_time();
    return time_localtime(1, &now);
}
