/* The connection to the daemon: lines out, lines in, and one deadline for all of it. */
#ifndef TRASA_LINK_H
#define TRASA_LINK_H

#include "frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum link_result {
	LINK_OK,
	LINK_UNSAFE,   /* others than root and the daemon could have put the socket there */
	LINK_ABSENT,   /* no connection; errno says why */
	LINK_UNFIT,    /* the agent may not be started: others than root could have changed it, or we are not root */
	LINK_UNSTARTED, /* it cannot be; errno says why */
	LINK_CLOSED,   /* the daemon has gone */
	LINK_TIMEOUT,
	LINK_LEFT,     /* the client of sshd has closed its connection */
	LINK_GARBLED,  /* what came is not a line of the protocol */
};

struct link {
	int fd;
	pid_t agent; /* started for this login; -1 if it was not */
	int client; /* sshd's connection with the person's client, to be watched; -1 if there is none */
	long long deadline; /* CLOCK_MONOTONIC, in milliseconds */
	size_t start;       /* what was received and not yet taken: from here … */
	size_t end;         /* … to here */
	char buffer[FRAME_MAX];
};

/*
 * Connects to the socket at `path`, which is absolute and fits into a sockaddr_un; if nobody listens there and `program`
 * is not NULL, to that program. The deadline counts from now. On failure there is nothing to close.
 */
enum link_result link_open(struct link *link, const char *path, const char *program, const char *ssh_connection,
			   int timeout_seconds);

/* A daemon that has closed may have said its last word before: that is no failure here, link_read() gets at it. */
enum link_result link_send(struct link *link, const char *text, size_t length);

/* Waits for the next line. `frame` points into `link` and is good until the next call. */
enum link_result link_read(struct link *link, struct frame *frame);

void link_close(struct link *link);

#endif
