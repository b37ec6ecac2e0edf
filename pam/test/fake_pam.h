/*
 * A PAM that is none: the module finds these functions in the test program before it finds libpam's. And a daemon that
 * is none: a thread that plays a script at a socket.
 */
#ifndef TRASA_TEST_FAKE_PAM_H
#define TRASA_TEST_FAKE_PAM_H

#include <pthread.h>
#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdio.h>

#define ANSWERS_MAX 40
#define LOG_MAX 65536

struct pam_handle {
	/* PAM's items and environment */
	const char *service, *user, *rhost, *ruser, *tty, *authtok;
	const char *connection, *authinfo;
	struct pam_conv conv;
	bool no_conv;
	bool no_memory; /* pam_set_data(3) fails */
	void *data;
	void (*cleanup)(pam_handle_t *, void *, int);

	/* the person: what is typed at each question; NULL: the conversation fails, "\b": it succeeds with nothing */
	const char *answers[ANSWERS_MAX];
	int asked;
	int told;
	bool leaks;           /* a socket was there, in a conversation, that an exec would pass on */
	char shown[LOG_MAX];  /* every message: `on|off|info|error: text` and a line feed */
	char logged[LOG_MAX]; /* syslog */

	/* the daemon */
	char path[108];
	int listener;
	const char *script;
	char heard[LOG_MAX]; /* every line that the door sent */
	char trouble[LOG_MAX];
	pthread_t thread;
	bool plays;
};

extern int wiped_secrets; /* explicit_bzero(3) of a memory that began with, or held, "secret" */

/* A directory that only this user can write, and that lies in such directories only. */
const char *make_place(void);
void remove_place(void);

pam_handle_t *start(const char *service, const char *user);
void finish(pam_handle_t *pamh);

/*
 * The daemon accepts one connection and plays the script, a step in each line; it closes at the end:
 *   > TEXT   reads a line, which must begin with TEXT      < TEXT   sends a line
 *   + TEXT   sends TEXT without a line feed                % N TEXT sends a line N times
 *   ~ N      waits N milliseconds                          . TEXT   sends TEXT, slowly and without an end
 *   |        reads until the door is gone
 */
void play(pam_handle_t *pamh, const char *script);
/* The daemon listens, and accepts nobody. */
void hang(pam_handle_t *pamh);
/* Waits until the script is played. Returns whether the door said what it should. */
bool played(pam_handle_t *pamh);

#endif
