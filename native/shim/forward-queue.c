#include <string.h>
#include <sys/mman.h>

#include "../kernel/sys.h"
#include "forward.h"

// Memory that was needed once and is given back when the queue is empty again.
enum { KEPT_BYTES = 256 << 10 };

static void empty(struct forward_queue *queue)
{
    if (queue->peak > KEPT_BYTES)
        sys_madvise(queue->base + KEPT_BYTES, queue->peak - KEPT_BYTES, MADV_DONTNEED);
    queue->begin = queue->end = queue->peak = 0;
}

uint8_t *forward_queue_room(struct forward_queue *queue, size_t max)
{
    size_t needed = sizeof(uint32_t) + max;
    if (queue->capacity - queue->end < needed && queue->begin > 0) {
        memmove(queue->base, queue->base + queue->begin, forward_queue_used(queue));
        queue->end -= queue->begin;
        queue->begin = 0;
    }
    return queue->capacity - queue->end < needed ? NULL : queue->base + queue->end + sizeof(uint32_t);
}

void forward_queue_add(struct forward_queue *queue, size_t n)
{
    uint32_t length = (uint32_t)n;
    memcpy(queue->base + queue->end, &length, sizeof length);
    queue->end += sizeof length + n;
    if (queue->end > queue->peak)
        queue->peak = queue->end;
}

const uint8_t *forward_queue_first(const struct forward_queue *queue, size_t *n)
{
    uint32_t length;
    if (queue->begin == queue->end)
        return NULL;
    memcpy(&length, queue->base + queue->begin, sizeof length);
    *n = length;
    return queue->base + queue->begin + sizeof length;
}

void forward_queue_remove(struct forward_queue *queue)
{
    size_t n;
    if (!forward_queue_first(queue, &n))
        return;
    queue->begin += sizeof(uint32_t) + n;
    queue->sent = 0;
    if (queue->begin == queue->end)
        empty(queue);
}
