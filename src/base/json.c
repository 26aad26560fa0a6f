/* JSON values: finding, comparing, building. Reading is in json_read.c, writing in json_write.c. */
#include "base/base.h"
#include "base/json.h"

#include <endian.h>

#include "base/json_internal.h"

enum { ROOM_FIRST = 2 }; // log2 of the items that the first piece of what is built holds

/* No name holds a NUL, so a shorter one, filled up with them, comes first as it should. */
static uint64_t head_of(struct str name)
{
    uint64_t head = 0;
    if (name.n > 0) {
        memcpy(&head, name.p, name.n < sizeof head ? name.n : sizeof head);
    }
    return be64toh(head);
}

/* strcmp() of two names, of which one has the head given. */
static int entry_order(uint64_t head, struct str name, const struct json_entry *entry)
{
    return head != entry->head ? (head < entry->head ? -1 : 1)
                               : str_cmp(name, json_str(&entry->field->name));
}

static int entries_compare(const void *a, const void *b)
{
    const struct json_entry *entry = a;
    return entry_order(entry->head, json_str(&entry->field->name), b);
}

void json_fields_sort(const struct json *object, struct json_entry *entries)
{
    const bool are_few = object->n <= JSON_FEW_MAX; // these find their place as they come
    for (size_t i = 0; i < object->n; i++) {
        const struct json_entry entry = {.head = head_of(json_str(&object->fields[i].name)),
                                         .field = &object->fields[i]};
        size_t at = i;
        for (; are_few && at > 0 && entries_compare(&entry, &entries[at - 1]) < 0; at--) {
            entries[at] = entries[at - 1];
        }
        entries[at] = entry;
    }
    if (!are_few) {
        qsort(entries, object->n, sizeof *entries, entries_compare);
    }
}

static const struct json_field *indexed_find(const struct json *object, struct str name)
{
    const struct json_entry *index = json_fields_index(object);
    const uint64_t head = head_of(name);
    size_t first = 0;
    size_t end = object->n;
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        const int order = entry_order(head, name, &index[middle]);
        if (order == 0) {
            return index[middle].field;
        }
        first = order > 0 ? middle + 1 : first;
        end = order < 0 ? middle : end;
    }
    return NULL;
}

static const struct json_field *field_find(const struct json *object, struct str name)
{
    if (!json_is_object(object)) {
        return NULL;
    }
    if (object->is_indexed) {
        return indexed_find(object, name);
    }
    for (size_t i = 0; i < object->n; i++) {
        if (str_eq(json_str(&object->fields[i].name), name)) {
            return &object->fields[i];
        }
    }
    return NULL;
}

const struct json *json_find(const struct json *object, struct str name)
{
    const struct json_field *field = field_find(object, name);
    return field != NULL ? &field->value : NULL;
}

static bool arrays_are_same(const struct json *a, const struct json *b)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!json_is_same(&a->items[i], &b->items[i])) { // as deep as the value
            return false;
        }
    }
    return true;
}

static bool objects_are_same(const struct json *a, const struct json *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct json *other = json_find(b, json_str(&a->fields[i].name));
        if (!json_is_same(&a->fields[i].value, other)) {
            return false;
        }
    }
    return true;
}

/* Of 1.00000000000000000000000000000001 the double is 1. */
static bool real_is_whole(const struct json *real, const struct json *integer)
{
    const double end = 9223372036854775808.0; // 2^63
    return json_is_real(real) && json_is_integer(integer) && real->real >= -end &&
           real->real < end && (double)(int64_t)real->real == real->real &&
           (int64_t)real->real == integer->whole;
}

bool json_is_same(const struct json *a, const struct json *b)
{
    if (real_is_whole(a, b) || real_is_whole(b, a)) {
        return true;
    }
    if (a == NULL || b == NULL || a->type != b->type) {
        return false;
    }
    switch (json_typeof(a)) {
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        return true;
    case JSON_INTEGER:
        return a->whole == b->whole;
    case JSON_REAL:
        return a->real == b->real;
    case JSON_STRING:
        return str_eq(json_str(a), json_str(b));
    case JSON_ARRAY:
        return a->n == b->n && arrays_are_same(a, b);
    case JSON_OBJECT:
        return a->n == b->n && objects_are_same(a, b);
    }
    return false;
}

const char *json_kind_text(const struct json *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number with decimals";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}

static struct json *value_new(struct arena *arena, enum json_type type)
{
    struct json *value = arena_new(arena, struct json, 1);
    value->type = (uint8_t)type;
    return value;
}

struct json *json_object_new(struct arena *arena)
{
    return value_new(arena, JSON_OBJECT);
}

struct json *json_array_new(struct arena *arena)
{
    return value_new(arena, JSON_ARRAY);
}

static struct json text_of(struct str text)
{
    ensure(text.n <= JSON_BYTES_MAX);
    return (struct json){
        .type = JSON_STRING, .n = (uint32_t)text.n, .text = text.p != NULL ? text.p : ""};
}

const struct json *json_text_new(struct arena *arena, struct str text)
{
    struct json *value = arena_new(arena, struct json, 1);
    *value = text_of(str_dup(arena, text));
    return value;
}

/* Room for one more in what is being built: what was read is copied to where there is some. */
static void *room_for_one(struct arena *arena, struct json *value, void *held, size_t bytes)
{
    const bool has_room = value->room > 0 && value->n < (uint32_t)1 << value->room;
    if (has_room) {
        return held;
    }
    ensure(value->n < JSON_BYTES_MAX / 2);
    value->room = value->room > 0 ? value->room : ROOM_FIRST - 1;
    do {
        value->room++;
    } while (value->n >= (uint32_t)1 << value->room);
    value->is_indexed = false; // the index stays behind
    return arena_grow(arena, held, arena_size(bytes, value->n),
                      arena_size(bytes, (size_t)1 << value->room));
}

void json_append(struct arena *arena, struct json *array, const struct json *value)
{
    ensure(json_is_array(array));
    ensure(value != NULL);
    const struct json item = *value;
    array->items = room_for_one(arena, array, array->items, sizeof *array->items);
    array->items[array->n++] = item;
}

struct json *json_object_copy(struct arena *arena, const struct json *object)
{
    ensure(json_is_object(object));
    struct json *copy = json_object_new(arena);
    copy->n = object->n;
    copy->fields = object->fields;
    copy->fields = room_for_one(arena, copy, copy->fields, sizeof *copy->fields);
    return copy;
}

static void field_set(struct arena *arena, struct json *object, const char *name, struct json value)
{
    ensure(json_is_object(object));
    const struct json_field *found = field_find(object, str_c(name));
    if (found != NULL) {
        object->fields[found - object->fields].value = value;
        return;
    }
    object->fields = room_for_one(arena, object, object->fields, sizeof *object->fields);
    object->fields[object->n++] = (struct json_field){.name = text_of(str_c(name)), .value = value};
}

void json_set(struct arena *arena, struct json *object, const char *name, const struct json *value)
{
    ensure(value != NULL);
    field_set(arena, object, name, *value);
}

void json_set_text(struct arena *arena, struct json *object, const char *name, struct str text)
{
    field_set(arena, object, name, text_of(str_dup(arena, text)));
}

void json_set_int(struct arena *arena, struct json *object, const char *name, int64_t whole)
{
    field_set(arena, object, name, (struct json){.type = JSON_INTEGER, .whole = whole});
}

void json_remove(struct json *object, struct str name)
{
    const struct json_field *found = field_find(object, name);
    if (found == NULL) {
        return;
    }
    const size_t at = (size_t)(found - object->fields);
    memmove(object->fields + at, object->fields + at + 1,
            (object->n - at - 1) * sizeof *object->fields);
    object->n--;
    object->is_indexed = false;
}

struct json *json_object_of(struct arena *arena, const char *name, const struct json *value)
{
    struct json *object = json_object_new(arena);
    json_set(arena, object, name, value);
    return object;
}

struct str pointer_key(struct arena *arena, struct str base, struct str name)
{
    struct buf buf;
    buf_open(&buf, arena, base.n + name.n * 2 + 1);
    buf_str(&buf, base);
    buf_char(&buf, '/');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '~') {
            buf_str(&buf, STR("~0"));
        } else if (name.p[i] == '/') {
            buf_str(&buf, STR("~1"));
        } else {
            buf_char(&buf, name.p[i]);
        }
    }
    return buf_view(&buf);
}

struct str pointer_index(struct arena *arena, struct str base, size_t index)
{
    return str_fmt(arena, "%.*s/%zu", STR_ARG(base), index);
}
