/* What every file of loyald may rely on: fixed-width types, assertions, attributes, banned
 * functions.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  none.
 * Errors:  ensure() ends the process: it states what is true unless we made a mistake.
 * Limits:  none.
 */
#ifndef LOYALD_BASE_H
#define LOYALD_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // memmem, accept4 and the like; before the first system header
#endif

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MUST_USE        __attribute__((warn_unused_result))
#define PRINTF(fmt, va) __attribute__((format(printf, fmt, va)))
#define NORETURN        __attribute__((noreturn))
#define ARRAY_N(array)  (sizeof(array) / sizeof((array)[0]))

/* Logs the condition and ends the process with SIGABRT: it is better to stop than to go on with
 * books that may be wrong. Never used on input. */
NORETURN void ensure_failed(const char *condition, const char *file, int line);

#define ensure(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            ensure_failed(#condition, __FILE__, __LINE__);                                         \
        }                                                                                          \
    } while (0)

/* Functions that have hurt every C project; the name says what to use. After the system headers, so
 * that those may still declare them. */
#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#undef strtok
#undef gmtime
#undef localtime
#define strcpy(a, b)  use_str_or_buf_instead_of_strcpy
#define strcat(a, b)  use_str_or_buf_instead_of_strcat
#define sprintf(...)  use_buf_printf_instead_of_sprintf
#define vsprintf(...) use_buf_printf_instead_of_vsprintf
#define strtok(a, b)  use_str_split_instead_of_strtok
#define gmtime(a)     use_instant_functions_instead_of_gmtime
#define localtime(a)  use_zone_functions_instead_of_localtime

#endif
