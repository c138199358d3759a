#include "text.h"

#include <string.h>

enum { NS_PER_SECOND = 1000000000, SECONDS_PER_DAY = 86400 };

void text_bytes(struct text *text, const void *bytes, size_t n)
{
    size_t room = text->capacity - text->length;
    if (n > room) {
        n = room;
        text->cut = true;
    }
    memcpy(text->bytes + text->length, bytes, n);
    text->length += n;
}

void text_string(struct text *text, const char *string)
{
    text_bytes(text, string, strlen(string));
}

void text_unsigned(struct text *text, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    text_bytes(text, digits + at, sizeof digits - at);
}

void text_signed(struct text *text, int64_t value)
{
    if (value < 0)
        text_bytes(text, "-", 1);
    text_unsigned(text, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static void padded(struct text *text, unsigned value, int width)
{
    char digits[8];
    for (int i = width - 1; i >= 0; i--, value /= 10)
        digits[i] = (char)('0' + value % 10);
    text_bytes(text, digits, (size_t)width);
}

struct date {
    unsigned year, month, day;
};

// The civil date of a day since the epoch. The year is counted from March, so that the leap day is its last one and the
// months before it have a regular pattern of 153 days in five.
static struct date date_of(uint64_t days)
{
    const uint64_t days_from_year_0 = days + 719468, days_in_400_years = 146097;
    uint64_t era = days_from_year_0 / days_in_400_years;
    unsigned day_of_era = (unsigned)(days_from_year_0 % days_in_400_years);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct date){
        .year = (unsigned)(era * 400) + year_of_era + (month <= 2 ? 1 : 0),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

static void text_date(struct text *text, uint64_t days)
{
    struct date date = date_of(days);
    padded(text, date.year, 4);
    text_bytes(text, "-", 1);
    padded(text, date.month, 2);
    text_bytes(text, "-", 1);
    padded(text, date.day, 2);
}

static void text_clock(struct text *text, unsigned second)
{
    padded(text, second / 3600, 2);
    text_bytes(text, ":", 1);
    padded(text, second / 60 % 60, 2);
    text_bytes(text, ":", 1);
    padded(text, second % 60, 2);
}

static void text_fraction(struct text *text, unsigned ns)
{
    char digits[10] = ".";
    for (int i = 9; i >= 1; i--, ns /= 10)
        digits[i] = (char)('0' + ns % 10);
    size_t length = sizeof digits;
    while (digits[length - 1] == '0')
        length--;
    text_bytes(text, digits, length);
}

static void text_seconds(struct text *text, uint64_t seconds)
{
    text_date(text, seconds / SECONDS_PER_DAY);
    text_bytes(text, "T", 1);
    text_clock(text, (unsigned)(seconds % SECONDS_PER_DAY));
}

void text_time(struct text *text, uint64_t epoch_ns)
{
    unsigned ns = (unsigned)(epoch_ns % NS_PER_SECOND);
    text_seconds(text, epoch_ns / NS_PER_SECOND);
    if (ns != 0)
        text_fraction(text, ns);
    text_bytes(text, "Z", 1);
}

void text_time_digits(struct text *text, uint64_t epoch_ns, int digits)
{
    unsigned micros = (unsigned)(epoch_ns % NS_PER_SECOND) / 1000;
    text_seconds(text, epoch_ns / NS_PER_SECOND);
    if (digits > 0) {
        text_bytes(text, ".", 1);
        for (int dropped = digits; dropped < 6; dropped++)
            micros /= 10;
        padded(text, micros, digits);
    }
    text_bytes(text, "Z", 1);
}

void text_time_bsd(struct text *text, uint64_t epoch_seconds)
{
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct date date = date_of(epoch_seconds / SECONDS_PER_DAY);
    text_bytes(text, MONTHS + (size_t)(date.month - 1) * 3, 3);
    text_bytes(text, date.day < 10 ? "  " : " ", date.day < 10 ? 2 : 1);
    text_unsigned(text, date.day);
    text_bytes(text, " ", 1);
    text_clock(text, (unsigned)(epoch_seconds % SECONDS_PER_DAY));
}

bool text_end(struct text *text)
{
    if (text->length == text->capacity) {
        text->length--;
        text->cut = true;
    }
    text->bytes[text->length] = '\0';
    return !text->cut;
}
