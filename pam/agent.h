/* Where no daemon listens: trasa-agent itself, started for this one login (agent= in pam.d). */
#ifndef TRASA_AGENT_H
#define TRASA_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Starts `program` as `trasa-agent daemon --once`, with the other end of `*fd` for its descriptor 3, /dev/null for the first
 * three and no others, and nothing of our environment: it decides, so the person must have no say in how it
 * runs. Returns false with the reason in errno.
 */
bool agent_start(const char *program, int *fd, pid_t *pid);

/* Waits until it has ended, which it does when its connection has closed. */
void agent_end(pid_t pid);

#endif
