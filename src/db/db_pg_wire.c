/* PostgreSQL's binary formats of the few types that are used. */
#include "base/base.h"
#include "db/db_pg.h"

#include "base/log.h"

/* Numbers of the built-in types (pg_type.dat); they never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_NAME = 19,
    OID_VARCHAR = 1043,
    OID_NUMERIC = 1700,
    OID_VOID = 2278,
    OID_UNKNOWN = 705,
    OID_BOOL_ARRAY = 1000,
    OID_BYTEA_ARRAY = 1001,
    OID_INT2_ARRAY = 1005,
    OID_INT4_ARRAY = 1007,
    OID_TEXT_ARRAY = 1009,
    OID_VARCHAR_ARRAY = 1015,
    OID_INT8_ARRAY = 1016,
};

enum {
    ARRAY_HEADER_BYTES = 20,
    NUMERIC_BASE = 10000,
    NUMERIC_HEADER_BYTES = 8,
    INT_TEXT_BYTES = 24
};

static enum err type_refused(struct db *db, const struct db_call *call, const char *what, Oid type)
{
    db_error_keep(db, what);
    log_line(LOG_ERROR, "db", "statement=%s type=%u error=%s", call->statement->name, type, what);
    return ERR_INTERNAL;
}

static void put_u32(unsigned char *p, uint32_t value)
{
    for (int i = 3; i >= 0; i--) {
        p[i] = (unsigned char)value;
        value >>= 8;
    }
}

/* Big-endian, the low n bytes. */
static void put_int(unsigned char *p, size_t n, int64_t value)
{
    uint64_t rest = (uint64_t)value;
    for (size_t i = n; i-- > 0;) {
        p[i] = (unsigned char)rest;
        rest >>= 8;
    }
}

static int64_t get_int(const unsigned char *p, size_t n)
{
    uint64_t value = p[0] >= 0x80 ? UINT64_MAX : 0; // the sign
    for (size_t i = 0; i < n; i++) {
        value = value << 8 | p[i];
    }
    return (int64_t)value;
}

/* Bytes of an integer type on the wire, 0 for other types. */
static size_t int_bytes(Oid type)
{
    switch (type) {
    case OID_INT8:
        return 8;
    case OID_INT4:
        return 4;
    case OID_INT2:
        return 2;
    case OID_BOOL:
        return 1;
    default:
        return 0;
    }
}

static bool int_fits(Oid type, int64_t value)
{
    switch (type) {
    case OID_INT8:
        return true;
    case OID_INT4:
        return value >= INT32_MIN && value <= INT32_MAX;
    case OID_INT2:
        return value >= INT16_MIN && value <= INT16_MAX;
    case OID_BOOL:
        return value == 0 || value == 1;
    default:
        return false;
    }
}

static bool type_is_text(Oid type)
{
    return type == OID_TEXT || type == OID_VARCHAR || type == OID_UNKNOWN || type == OID_NAME;
}

/* True when a value that is not NULL can be sent in binary as this type. */
static bool value_fits(Oid type, const struct db_value *value)
{
    switch (value->kind) {
    case DB_NULL:
        return true;
    case DB_INT:
        return int_fits(type, value->i);
    case DB_TEXT:
        return type_is_text(type);
    case DB_BLOB:
        return type == OID_BYTEA;
    }
    return false;
}

/* ---- parameters one by one ---- */

/* Types unknown here (numeric, …) take integers and text in their text form. */
static enum err scalar_as_text(struct db *db, const struct db_call *call,
                               const struct db_value *value, Oid type, int at,
                               struct pg_params *out)
{
    if (value->kind == DB_BLOB ||
        (value->kind == DB_INT && (int_bytes(type) > 0 || type_is_text(type)))) {
        return type_refused(db, call, "the value does not fit the type of its parameter", type);
    }
    out->formats[at] = 0;
    out->values[at] = value->kind == DB_INT ? str_fmt(&db->scratch, "%" PRId64, value->i).p
                                            : str_z(&db->scratch, value->s);
    return ERR_OK;
}

enum err pg_params_scalars(struct db *db, const struct db_call *call, const Oid *types,
                           struct pg_params *out)
{
    for (int i = 0; i < call->cols_n; i++) {
        const struct db_value *value = &call->rows[i];
        out->formats[i] = 1;
        if (value->kind == DB_NULL) {
            out->values[i] = NULL;
        } else if (!value_fits(types[i], value)) {
            try(scalar_as_text(db, call, value, types[i], i, out));
        } else if (value->kind == DB_INT) {
            unsigned char *bytes = arena_bytes(&db->scratch, sizeof(int64_t));
            put_int(bytes, int_bytes(types[i]), value->i);
            out->values[i] = (const char *)bytes;
            out->lengths[i] = (int)int_bytes(types[i]);
        } else {
            out->values[i] = value->s.p != NULL ? value->s.p : ""; // NULL would send NULL
            out->lengths[i] = (int)value->s.n;
        }
    }
    return ERR_OK;
}

/* ---- parameters as arrays ---- */

static Oid element_of(Oid array)
{
    switch (array) {
    case OID_INT8_ARRAY:
        return OID_INT8;
    case OID_INT4_ARRAY:
        return OID_INT4;
    case OID_INT2_ARRAY:
        return OID_INT2;
    case OID_BOOL_ARRAY:
        return OID_BOOL;
    case OID_TEXT_ARRAY:
        return OID_TEXT;
    case OID_VARCHAR_ARRAY:
        return OID_VARCHAR;
    case OID_BYTEA_ARRAY:
        return OID_BYTEA;
    default:
        return 0;
    }
}

/* Bytes of the whole array; false when a value does not fit. */
static bool array_measure(const struct db_call *call, int col, Oid element, size_t *bytes_n,
                          bool *has_null)
{
    *bytes_n = ARRAY_HEADER_BYTES;
    *has_null = false;
    for (size_t row = 0; row < call->rows_n; row++) {
        const struct db_value *value = &call->rows[row * (size_t)call->cols_n + (size_t)col];
        if (!value_fits(element, value)) {
            return false;
        }
        const bool is_null = value->kind == DB_NULL;
        *has_null = *has_null || is_null;
        *bytes_n += sizeof(uint32_t) + (is_null                 ? 0
                                        : value->kind == DB_INT ? int_bytes(element)
                                                                : value->s.n);
    }
    return true;
}

static void array_fill(const struct db_call *call, int col, Oid element, bool has_null,
                       unsigned char *p)
{
    put_u32(p, 1); // dimensions
    put_u32(p + 4, has_null ? 1 : 0);
    put_u32(p + 8, element);
    put_u32(p + 12, (uint32_t)call->rows_n);
    put_u32(p + 16, 1); // the first index
    p += ARRAY_HEADER_BYTES;
    for (size_t row = 0; row < call->rows_n; row++) {
        const struct db_value *value = &call->rows[row * (size_t)call->cols_n + (size_t)col];
        const size_t n = value->kind == DB_INT ? int_bytes(element) : value->s.n;
        put_u32(p, value->kind == DB_NULL ? UINT32_MAX : (uint32_t)n);
        p += sizeof(uint32_t);
        if (value->kind == DB_INT) {
            put_int(p, n, value->i);
        } else if (value->kind != DB_NULL && n > 0) {
            memcpy(p, value->s.p, n);
        }
        p += value->kind == DB_NULL ? 0 : n;
    }
}

enum err pg_params_arrays(struct db *db, const struct db_call *call, const Oid *types,
                          struct pg_params *out)
{
    for (int col = 0; col < call->cols_n; col++) {
        const Oid element = element_of(types[col]);
        size_t bytes_n = 0;
        bool has_null = false;
        if (element == 0 || !array_measure(call, col, element, &bytes_n, &has_null)) {
            return type_refused(db, call, "the values do not fit the array of their parameter",
                                types[col]);
        }
        ensure(bytes_n <= INT_MAX);
        unsigned char *bytes = arena_bytes(&db->scratch, bytes_n);
        array_fill(call, col, element, has_null, bytes);
        out->values[col] = (const char *)bytes;
        out->lengths[col] = (int)bytes_n;
        out->formats[col] = 1;
    }
    return ERR_OK;
}

/* ---- rows ---- */

/* numeric as an integer: base-10000 digits, the first worth 10000^weight. False for fractions, NaN,
 * overflow. */
static bool numeric_read(const unsigned char *p, size_t n, int64_t *out)
{
    if (n < NUMERIC_HEADER_BYTES) {
        return false;
    }
    const int64_t digits_n = get_int(p, 2);
    const int64_t weight = get_int(p + 2, 2);
    const uint64_t sign = (uint64_t)get_int(p + 4, 2) & 0xFFFF;
    if ((sign != 0 && sign != 0x4000) || digits_n < 0 ||
        n < NUMERIC_HEADER_BYTES + (size_t)digits_n * 2) {
        return false;
    }
    int64_t value = 0; // built up negative, since INT64_MIN has no positive twin
    for (int64_t i = 0; i < digits_n || i <= weight; i++) {
        const int64_t digit = i < digits_n ? get_int(p + NUMERIC_HEADER_BYTES + i * 2, 2) : 0;
        if (i > weight) {
            return false; // a fraction
        }
        if (__builtin_mul_overflow(value, NUMERIC_BASE, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (sign == 0 && value == INT64_MIN) {
        return false;
    }
    *out = sign == 0 ? -value : value;
    return true;
}

static bool value_read(struct arena *arena, Oid type, const char *bytes, size_t n,
                       struct db_value *out)
{
    const unsigned char *p = (const unsigned char *)bytes;
    const size_t int_n = type == OID_OID ? 4 : int_bytes(type);
    if (int_n > 0) {
        *out = db_int(n == int_n ? get_int(p, n) : 0);
        return n == int_n;
    }
    if (type == OID_NUMERIC) {
        *out = db_int(0);
        return numeric_read(p, n, &out->i);
    }
    if (type_is_text(type) || type == OID_BYTEA) {
        *out = (struct db_value){
            .kind = type == OID_BYTEA ? DB_BLOB : DB_TEXT,
            .s = str_dup(arena, (struct str){.p = bytes, .n = n}),
        };
        return true;
    }
    *out = db_null();
    return type == OID_VOID;
}

enum err pg_rows_read(struct db *db, struct db_call *call, const PGresult *result)
{
    const int rows_n = PQntuples(result);
    const int cols_n = PQnfields(result);
    struct db_value *values =
        arena_new(call->arena, struct db_value, (size_t)rows_n * (size_t)cols_n);
    for (int row = 0; row < rows_n; row++) {
        for (int col = 0; col < cols_n; col++) {
            const size_t n = (size_t)PQgetlength(result, row, col);
            struct db_value *value = &values[(size_t)row * (size_t)cols_n + (size_t)col];
            if (PQgetisnull(result, row, col)) {
                *value = db_null();
            } else if (!value_read(call->arena, PQftype(result, col), PQgetvalue(result, row, col),
                                   n, value)) {
                return type_refused(db, call, "a column has a type that is not read here: cast it",
                                    PQftype(result, col));
            }
        }
    }
    *call->out =
        (struct db_result){.rows_n = (size_t)rows_n, .cols_n = (size_t)cols_n, .values = values};
    return ERR_OK;
}
