/* The words after pam_trasa.so in a line of pam.d. */
#ifndef TRASA_OPTIONS_H
#define TRASA_OPTIONS_H

#include <security/pam_modules.h>
#include <stdbool.h>

enum phase { PHASE_AUTH, PHASE_ACCOUNT };

struct options {
	const char *socket;  /* socket=PATH */
	const char *agent;   /* agent=PATH: started where no daemon listens; NULL: nothing is */
	int timeout_seconds; /* timeout=SECONDS, for the whole login */
	bool only_auth;      /* phase=auth: the other phase is PAM_IGNORE */
	bool only_account;   /* phase=account */
	bool after_password; /* first=password: a line above has verified it, or this one is not reached */
	bool style_trasa;    /* prompt=trasa: the original module's questions */
	bool ignore_exempt;  /* exempt=ignore: PAM_IGNORE, not PAM_SUCCESS, for whom no rule asks for a factor */
	bool debug;
};

/* Returns false, having logged it, if a word is unknown or has a value that it cannot have. */
bool options_read(pam_handle_t *pamh, int argc, const char **argv, struct options *options);

#endif
