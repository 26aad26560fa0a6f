/* Whether the server lives and can serve, and what it offers. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/handlers.h"
#include "base/assets.h"

static void status_write(struct api_call *call, const char *status)
{
    json_open(&call->w, '{');
    json_key(&call->w, "status");
    json_put_str(&call->w, str_c(status));
    json_close(&call->w, '}');
}

void api_healthz_get(struct api_call *call)
{
    status_write(call, "alive");
    call_answer(call);
}

/* Ready: the books can be read and the lane answers. */
static enum err nothing(struct store *store, struct arena *arena, void *self)
{
    struct instance instance;
    (void)self; // looks at the store only
    return store_instance_read(store, arena, &instance);
}

static void lane_answered(struct ticket *ticket)
{
    struct api_call *call = ticket->owner;
    if (ticket->err != ERR_OK) {
        call_refuse(call, ticket->err, NULL);
        return;
    }
    status_write(call, "ready");
    call_answer(call);
}

void api_readyz_get(struct api_call *call)
{
    if (!atomic_load(&call->api->is_ready)) {
        call_refuse(call, ERR_STOPPING, NULL);
        return;
    }
    call->ticket =
        (struct ticket){.job = nothing, .done = lane_answered, .owner = call, .job_is_bare = true};
    call_submit(call);
}

void api_openapi_get(struct api_call *call)
{
    buf_str(&call->out, asset_find(STR("openapi.yaml")));
    call_answer(call);
}
