/* What the daemon is told of a login. */
#ifndef TRASA_FACTS_H
#define TRASA_FACTS_H

#include "frame.h"
#include "options.h"

#define ACCOUNT_SIZE 257 /* bytes, with the NUL, as all below */
#define COMMAND_SIZE 1025

struct facts {
	const char *service; /* PAM's items; NULL if PAM has none */
	const char *user;
	const char *rhost;
	const char *ruser;
	const char *tty;
	bool authtok;		    /* a line above has asked for a password, right or wrong */
	const char *connection;     /* sshd's SSH_CONNECTION, in PAM's environment */
	const char *authinfo;       /* sshd's SSH_AUTH_INFO_0: what was proved before, a line each */
	char account[ACCOUNT_SIZE]; /* whose person is asked */
	char command[COMMAND_SIZE]; /* what sudo or su were called with; empty if it is neither */
};

/* Returns PAM_SUCCESS, or the code to return. Asks for the user's name if PAM has none yet. */
int facts_gather(pam_handle_t *pamh, struct facts *facts);

/* The `attempt` line. Returns false if a fact is too long to be stated. */
bool facts_write(const struct facts *facts, const struct options *options, enum phase phase, bool interactive,
		 struct frame_writer *line);

#endif
