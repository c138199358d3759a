#!/bin/sh
count=$(printf 'INCR visits\r\nQUIT\r\n' | nc counter 6379 | tr -d ':\r' | head -n 1)
printf 'Content-Type: text/plain\r\n\r\n'
echo "$GREETING, visitor $count: $(cat /shared/line)"
