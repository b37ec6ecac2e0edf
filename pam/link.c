#include "link.h"
#include "agent.h"
#include "place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static enum link_result reach_daemon(struct link *link, const char *path);
static enum link_result start_agent(struct link *link, const char *program);
static enum link_result connect_until(struct link *link, const struct sockaddr_un *address);
static enum link_result wait_for(const struct link *link, short events);
static int find_client(const char *ssh_connection);
static long long now(void);
static long long remaining(const struct link *link);

enum link_result link_open(struct link *link, const char *path, const char *program, const char *ssh_connection,
			   int timeout_seconds)
{
	link->deadline = now() + timeout_seconds * 1000LL;
	link->start = link->end = 0;
	link->agent = -1;
	link->client = find_client(ssh_connection);
	enum link_result result = reach_daemon(link, path);
	/* Nobody listens. One that is merely busy is not gone. */
	if (result == LINK_ABSENT && program != NULL && (errno == ENOENT || errno == ECONNREFUSED))
		return start_agent(link, program);
	return result;
}

static enum link_result reach_daemon(struct link *link, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	enum place place = place_of_socket(path, address.sun_path, sizeof address.sun_path);

	if (place != PLACE_FIRM)
		return place == PLACE_ABSENT ? LINK_ABSENT : LINK_UNSAFE;
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return LINK_ABSENT;
	enum link_result result = connect_until(link, &address);
	if (result != LINK_OK) {
		int why = errno;
		close(link->fd);
		errno = why;
	}
	return result;
}

/* Only as root can it read its configuration; as anybody else it could be made to say what they like. */
static enum link_result start_agent(struct link *link, const char *program)
{
	char real[PATH_MAX];
	enum place place = place_of_program(program, real);

	if (place == PLACE_UNSAFE || geteuid() != 0)
		return LINK_UNFIT;
	return place == PLACE_FIRM && agent_start(real, &link->fd, &link->agent) ? LINK_OK : LINK_UNSTARTED;
}

/* Where the backlog is full, connect(2) to a Unix socket waits; SO_SNDTIMEO bounds that (socket(7)). */
static enum link_result connect_until(struct link *link, const struct sockaddr_un *address)
{
	for (;;) {
		long long left = remaining(link);
		struct timeval timeout = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};

		if (left == 0) {
			errno = ETIMEDOUT;
			return LINK_ABSENT;
		}
		if (setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0)
			return LINK_ABSENT;
		if (connect(link->fd, (const struct sockaddr *)address, sizeof *address) == 0)
			return LINK_OK;
		if (errno != EINTR)
			return LINK_ABSENT;
	}
}

enum link_result link_send(struct link *link, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(link->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			text += sent;
			length -= (size_t)sent;
		} else if (errno == EAGAIN) {
			enum link_result result = wait_for(link, POLLOUT);
			if (result != LINK_OK)
				return result;
		} else if (errno != EINTR) {
			return LINK_OK; /* EPIPE, ECONNRESET: it does not listen any more, but may have spoken */
		}
	}
	return LINK_OK;
}

enum link_result link_read(struct link *link, struct frame *frame)
{
	for (;;) {
		char *from = link->buffer + link->start;
		char *feed = memchr(from, '\n', link->end - link->start);

		if (feed != NULL) {
			link->start = (size_t)(feed + 1 - link->buffer);
			return frame_decode(from, (size_t)(feed - from), frame) ? LINK_OK : LINK_GARBLED;
		}
		memmove(link->buffer, from, link->end - link->start);
		link->end -= link->start;
		link->start = 0;
		if (link->end == sizeof link->buffer)
			return LINK_GARBLED; /* an endless line */

		enum link_result result = wait_for(link, POLLIN);
		if (result != LINK_OK)
			return result;
		ssize_t got = recv(link->fd, link->buffer + link->end, sizeof link->buffer - link->end, MSG_DONTWAIT);
		if (got > 0)
			link->end += (size_t)got;
		else if (got == 0 || (errno != EINTR && errno != EAGAIN))
			return LINK_CLOSED;
	}
}

void link_close(struct link *link)
{
	close(link->fd);
	link->fd = -1;
	if (link->agent > 0)
		agent_end(link->agent);
}

static enum link_result wait_for(const struct link *link, short events)
{
	for (;;) {
		/* A negative descriptor is passed over, poll(2). */
		struct pollfd ready[] = {{.fd = link->fd, .events = events}, {.fd = link->client, .events = POLLRDHUP}};
		long long left = remaining(link);

		if (left == 0)
			return LINK_TIMEOUT;
		int count = poll(ready, 2, (int)left);
		if (count > 0)
			return ready[0].revents == 0 ? LINK_LEFT : LINK_OK;
		if (count < 0 && errno != EINTR)
			return LINK_CLOSED;
	}
}

/*
 * While PAM is at work, sshd does not read from its client and so does not notice that it has gone; a push would ring on.
 * The connection is one of our descriptors: the one whose other end SSH_CONNECTION names. Nothing is read from it.
 */
static int find_client(const char *ssh_connection)
{
	char address[64], port[8];

	if (ssh_connection == NULL || sscanf(ssh_connection, "%63s %7s", address, port) != 2)
		return -1;
	for (int fd = 0; fd < 256; fd++) {
		struct sockaddr_storage peer;
		socklen_t size = sizeof peer;
		char host[64], service[8];
		if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0 ||
		    (peer.ss_family != AF_INET && peer.ss_family != AF_INET6) ||
		    getnameinfo((struct sockaddr *)&peer, size, host, sizeof host, service, sizeof service,
				NI_NUMERICHOST | NI_NUMERICSERV) != 0)
			continue;
		const char *plain = strncmp(host, "::ffff:", 7) == 0 ? host + 7 : host; /* as sshd names it (canohost.c) */
		if (strcmp(plain, address) == 0 && strcmp(service, port) == 0)
			return fd;
	}
	return -1;
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static long long remaining(const struct link *link)
{
	long long left = link->deadline - now();

	return left > 0 ? left : 0;
}
