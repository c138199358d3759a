// The terminal at stdin and stdout. termios(3), ioctl_tty(2)
#include <asm/termbits.h>
#include <sys/ioctl.h>

#include "../kernel/sys.h"
#include "launcher.h"

static struct termios before;
static bool saved, raw_now;

static bool is_terminal(int fd)
{
    struct termios ignored;
    return sys_ioctl(fd, TCGETS, &ignored) == 0;
}

unsigned terminal_which(void)
{
    return (unsigned)is_terminal(STDIN) | (unsigned)is_terminal(STDOUT) << 1 | (unsigned)is_terminal(STDERR) << 2;
}

struct window terminal_window(void)
{
    struct winsize size = {0};
    sys_ioctl(STDOUT, TIOCGWINSZ, &size);
    return (struct window){.rows = size.ws_row, .columns = size.ws_col};
}

// As cfmakeraw(3).
static void make_raw(void)
{
    struct termios raw = before;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    sys_ioctl(STDIN, TCSETSW, &raw);
}

void terminal_raw(bool raw)
{
    if (!saved && sys_ioctl(STDIN, TCGETS, &before) < 0)
        return;
    saved = true;
    raw_now = raw;
    if (raw)
        make_raw();
    else
        sys_ioctl(STDIN, TCSETSW, &before);
}

void terminal_restore(void)
{
    if (raw_now)
        sys_ioctl(STDIN, TCSETSW, &before);
}

void terminal_resume(void)
{
    if (raw_now)
        make_raw();
}
