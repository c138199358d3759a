// One log entry as a message: RFC 3164 and RFC 5424 as Docker's syslog driver writes them, and the journal's native protocol
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).
#include <string.h>

#include "forward.h"
#include "text.h"

enum { FIXED_MAX = 256, PRIORITY_ERROR = 3, PRIORITY_INFO = 6, FACILITY_SHIFT = 3, NS_PER_SECOND = 1000000000 };

size_t forward_overhead(const struct forward_format *format)
{
    return FIXED_MAX + format->before_bytes + format->after_bytes;
}

static unsigned priority_of(enum log_stream stream)
{
    return stream == LOG_STDERR ? PRIORITY_ERROR : PRIORITY_INFO;
}

static void local_time(struct text *text, const struct forward_format *format, uint64_t time_ns)
{
    text_time_bsd(text, time_ns / NS_PER_SECOND + (uint64_t)(int64_t)format->utc_offset_seconds);
}

// <PRIORITY>TIME BEFORE PID AFTER line: what stands around the process id is the daemon's business, which knows host and tag.
static void syslog_head(struct text *text, const struct forward_format *format, enum log_stream stream, uint64_t time_ns)
{
    text_string(text, "<");
    text_unsigned(text, format->facility << FACILITY_SHIFT | priority_of(stream));
    text_string(text, ">");
    if (format->format == FORWARD_FORMAT_RFC5424 || format->format == FORWARD_FORMAT_RFC5424_MICRO) {
        text_string(text, "1 ");
        text_time_digits(text, time_ns, format->format == FORWARD_FORMAT_RFC5424_MICRO ? 6 : 0);
    } else {
        local_time(text, format, time_ns);
    }
    text_string(text, " ");
    text_bytes(text, format->before, format->before_bytes);
    text_signed(text, format->pid);
    text_bytes(text, format->after, format->after_bytes);
}

static void journal_head(struct text *text, const struct forward_format *format, enum log_stream stream, bool complete,
                         uint64_t time_ns)
{
    text_bytes(text, format->before, format->before_bytes);
    text_string(text, "PRIORITY=");
    text_unsigned(text, priority_of(stream));
    text_string(text, "\nSYSLOG_TIMESTAMP=");
    text_time(text, time_ns);
    if (!complete)
        text_string(text, "\nCONTAINER_PARTIAL_MESSAGE=true");
    text_string(text, "\nMESSAGE=");
}

size_t forward_message(const struct forward_format *format, uint8_t *into, enum log_stream stream, const uint8_t *line,
                       size_t n, bool complete, uint64_t time_ns)
{
    struct text text = {.bytes = (char *)into, .capacity = forward_overhead(format) + n};
    bool journal = format->format == FORWARD_FORMAT_JOURNAL;
    // As Docker: an empty line is no message to syslog.
    if (n == 0 && !journal)
        return 0;
    if (journal)
        journal_head(&text, format, stream, complete, time_ns);
    else
        syslog_head(&text, format, stream, time_ns);
    text_bytes(&text, line, n);
    text_string(&text, "\n");
    return text.length;
}
