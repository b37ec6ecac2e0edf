/*
 * pam_trasa.so: asks the daemon of trasa-agent whether this person may enter this account now, and returns what it says.
 *
 * START HERE. The module is a relay: PAM's conversation on one side, the daemon's line protocol (PROTOCOL.md, part 1) on
 * the other. It decides nothing, holds no secret and reads no configuration but its own words in pam.d.
 *
 *   facts.c     what the daemon is told            options.c   the words in pam.d
 *   dialogue.c  questions, answers, the decision   link.c      the socket and its deadline
 *   message.c   what the daemon may say, and when  place.c     whom to trust in the file system
 *   frame.c     a line of the protocol   utf8.c    agent.c     where no daemon listens: one for this login
 *
 * It lives in other people's processes, some with threads, some for long: no global state, no signal touched, no
 * descriptor left open or passed on.
 */
#include "dialogue.h"
#include "facts.h"
#include "options.h"
#include "utf8.h"

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define EXPORTED __attribute__((visibility("default")))
#define MARK "trasa-agent-auth"

/* What the auth phase of this handle came to: kept on the handle, so that one login never asks for two factors. */
struct mark {
	bool entered;
	bool exempt;
	char user[ACCOUNT_SIZE]; /* sudo and others change PAM_USER between the phases */
	char account[ACCOUNT_SIZE];
};

static int authenticate(pam_handle_t *pamh, int flags, const struct options *options, struct mark *mark);
static int ask_daemon(pam_handle_t *pamh, int flags, const struct options *options, enum phase phase,
		      const struct facts *facts, bool *exempt);
static int entry_code(const struct options *options, bool exempt);
static struct mark *set_mark(pam_handle_t *pamh);
static const struct mark *get_mark(pam_handle_t *pamh);
static void free_mark(pam_handle_t *pamh, void *data, int error_status);

EXPORTED int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct options options;

	if (!options_read(pamh, argc, argv, &options))
		return PAM_SERVICE_ERR;
	if (options.only_account)
		return PAM_IGNORE;
	struct mark *mark = set_mark(pamh); /* "not entered", until shown otherwise */
	return mark == NULL ? PAM_BUF_ERR : authenticate(pamh, flags, &options, mark);
}

static int authenticate(pam_handle_t *pamh, int flags, const struct options *options, struct mark *mark)
{
	struct facts facts;
	int code = facts_gather(pamh, &facts);

	if (code == PAM_SUCCESS)
		code = ask_daemon(pamh, flags, options, PHASE_AUTH, &facts, &mark->exempt);
	if (code != PAM_SUCCESS)
		return code;
	utf8_copy(mark->user, sizeof mark->user, facts.user);
	utf8_copy(mark->account, sizeof mark->account, facts.account);
	mark->entered = true;
	return entry_code(options, mark->exempt);
}

/* No question can be put here. Where the auth phase has asked, all is said. */
EXPORTED int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct options options;
	struct facts facts;
	bool exempt = false;

	if (!options_read(pamh, argc, argv, &options))
		return PAM_SERVICE_ERR;
	if (options.only_auth)
		return PAM_IGNORE;
	int code = facts_gather(pamh, &facts);
	if (code != PAM_SUCCESS)
		return code;
	const struct mark *mark = get_mark(pamh);
	if (mark != NULL && mark->entered && strcmp(mark->user, facts.user) == 0 &&
	    strcmp(mark->account, facts.account) == 0)
		return entry_code(&options, mark->exempt);
	code = ask_daemon(pamh, flags, &options, PHASE_ACCOUNT, &facts, &exempt);
	return code == PAM_SUCCESS ? entry_code(&options, exempt) : code;
}

/*
 * There are no credentials to set. sshd needs PAM_SUCCESS here even where the auth phase of this handle never was: it
 * runs that in another process (keyboard-interactive), or not at all (publickey), and a stack whose modules all return
 * PAM_IGNORE fails. Nobody enters by this: an application calls it after it has let the person in. After an auth phase
 * that refused, it fails.
 */
EXPORTED int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const struct mark *mark = get_mark(pamh);

	(void)flags;
	(void)argc;
	(void)argv;
	return mark == NULL || mark->entered ? PAM_SUCCESS : PAM_CRED_ERR;
}

/* Returns PAM_SUCCESS if, and only if, the daemon let the person in. */
static int ask_daemon(pam_handle_t *pamh, int flags, const struct options *options, enum phase phase,
		      const struct facts *facts, bool *exempt)
{
	bool silent = ((unsigned int)flags & PAM_SILENT) != 0;
	bool interactive = phase == PHASE_AUTH && can_converse(pamh);
	struct frame_writer attempt;

	if (!facts_write(facts, options, phase, interactive, &attempt)) {
		pam_syslog(pamh, LOG_ERR, "a fact of this login is too long to be stated");
		return PAM_SYSTEM_ERR;
	}
	if (options->debug)
		pam_syslog(pamh, LOG_DEBUG, "asking %s, %s phase, %s", options->socket,
			   phase == PHASE_AUTH ? "auth" : "account", interactive ? "interactive" : "no questions");
	int code = hold_dialogue(pamh, options, &attempt, interactive, silent, exempt);
	if (options->debug)
		pam_syslog(pamh, LOG_DEBUG, "decided: %s%s", pam_strerror(pamh, code), *exempt ? " (exempt)" : "");
	return code;
}

/* For whom no rule asks for a factor, the administrator may leave the login to the rest of the stack. */
static int entry_code(const struct options *options, bool exempt)
{
	return exempt && options->ignore_exempt ? PAM_IGNORE : PAM_SUCCESS;
}

static struct mark *set_mark(pam_handle_t *pamh)
{
	struct mark *mark = calloc(1, sizeof *mark);

	if (mark != NULL && pam_set_data(pamh, MARK, mark, free_mark) != PAM_SUCCESS) {
		free(mark);
		return NULL;
	}
	return mark;
}

static const struct mark *get_mark(pam_handle_t *pamh)
{
	const void *data = NULL;

	return pam_get_data(pamh, MARK, &data) == PAM_SUCCESS ? data : NULL;
}

static void free_mark(pam_handle_t *pamh, void *data, int error_status)
{
	(void)pamh;
	(void)error_status;
	free(data);
}
