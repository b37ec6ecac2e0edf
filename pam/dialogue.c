#include "dialogue.h"
#include "link.h"
#include "message.h"
#include "utf8.h"

#include <security/pam_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define TEXT_SIZE PAM_MAX_MSG_SIZE /* 512 bytes, NUL included: what an application must be able to take */
#define ANSWER_SIZE 513
#define MESSAGES_OUT 32  /* sshd before 10.3 dies of more in one exchange; no dialogue of ours needs more in all */
#define MESSAGES_IN 1000 /* as in src/relay/ask-daemon.ts */

struct dialogue {
	pam_handle_t *pamh;
	const struct options *options;
	bool interactive;
	bool silent;
	int shown;   /* messages put to the person */
	bool exempt; /* let in because no rule asks this account for a factor */
	struct exchange exchange;
	struct link link;
};

static int refuse(struct dialogue *dialogue, enum link_result why);
static int converse(struct dialogue *dialogue);
static int conclude(struct dialogue *dialogue, const struct message *message);
static int code_of(const char *name);
static int ask(struct dialogue *dialogue, const struct message *prompt);
static void tell(struct dialogue *dialogue, int style, const char *text);
static int put_to_person(struct dialogue *dialogue, int style, const char *text, char **answer);
static void send_verb(struct dialogue *dialogue, enum saying saying, const char *text);
static void clean(char *out, const char *text);

bool can_converse(pam_handle_t *pamh)
{
	const void *item = NULL;

	return pam_get_item(pamh, PAM_CONV, &item) == PAM_SUCCESS && item != NULL &&
	       ((const struct pam_conv *)item)->conv != NULL;
}

int hold_dialogue(pam_handle_t *pamh, const struct options *options, const struct frame_writer *attempt,
		  bool interactive, bool silent, bool *exempt)
{
	struct dialogue dialogue = {
		.pamh = pamh, .options = options, .interactive = interactive, .silent = silent};

	*exempt = false;
	enum link_result result = link_open(&dialogue.link, options->socket, options->agent,
					    pam_getenv(pamh, "SSH_CONNECTION"), options->timeout_seconds);
	if (result != LINK_OK)
		return refuse(&dialogue, result);
	exchange_say(&dialogue.exchange, SAY_ATTEMPT, 0);
	result = link_send(&dialogue.link, attempt->text, attempt->length);
	int code = result == LINK_OK ? converse(&dialogue) : refuse(&dialogue, result);
	link_close(&dialogue.link);
	*exempt = dialogue.exempt;
	return code;
}

/*
 * The daemon cannot be asked. PAM_AUTHINFO_UNAVAIL says that it is not there; a login that took too long is not that, or
 * a stack that forgives an absent daemon would forgive everybody who waits.
 */
static int refuse(struct dialogue *dialogue, enum link_result why)
{
	static const struct {
		int code;
		const char *log;
		const char *says;
	} table[] = {
		[LINK_UNSAFE] = {PAM_SERVICE_ERR, "the socket lies where others than root and the daemon could have put it",
				 "The two-factor agent of this host is not set up safely. Tell your administrator."},
		[LINK_ABSENT] = {PAM_AUTHINFO_UNAVAIL, "cannot connect to the daemon",
				 "The two-factor agent of this host does not answer. Tell your administrator."},
		[LINK_UNFIT] = {PAM_SERVICE_ERR, "agent= needs a program that only root can change, and root to start it",
				"The two-factor agent of this host is not set up safely. Tell your administrator."},
		[LINK_UNSTARTED] = {PAM_AUTHINFO_UNAVAIL, "no daemon listens, and the agent cannot be started",
				    "The two-factor agent of this host does not answer. Tell your administrator."},
		[LINK_CLOSED] = {PAM_AUTHINFO_UNAVAIL, "the daemon closed the connection without a decision",
				 "The two-factor agent of this host has gone away. Try again."},
		[LINK_TIMEOUT] = {PAM_ABORT, "no decision in time", "The login took too long. Try again."},
		[LINK_LEFT] = {PAM_ABORT, "the client has closed its connection", "The connection ended before the login did."},
		[LINK_GARBLED] = {PAM_SYSTEM_ERR, "the daemon is not understood",
				  "The two-factor agent of this host is not understood. Tell your administrator."},
	};

	const char *where = why == LINK_UNFIT || why == LINK_UNSTARTED ? dialogue->options->agent : dialogue->options->socket;
	if (why == LINK_ABSENT || why == LINK_UNSTARTED)
		pam_syslog(dialogue->pamh, LOG_ERR, "%s: %s: %m", table[why].log, where);
	else
		pam_syslog(dialogue->pamh, LOG_ERR, "%s: %s", table[why].log, where);
	tell(dialogue, PAM_ERROR_MSG, table[why].says);
	return table[why].code;
}

static int converse(struct dialogue *dialogue)
{
	for (int heard = 0; heard < MESSAGES_IN; heard++) {
		struct frame frame;
		struct message message;
		enum link_result result = link_read(&dialogue->link, &frame);

		if (result != LINK_OK)
			return refuse(dialogue, result);
		if (!message_decode(&frame, &message))
			break;
		enum standing standing = exchange_hear(&dialogue->exchange, &message);
		if (standing == REFUSED)
			break;
		if (standing == LATE)
			continue;
		switch (message.kind) {
		case MESSAGE_INFO:
			tell(dialogue, PAM_TEXT_INFO, message.text);
			break;
		case MESSAGE_ERROR:
			tell(dialogue, PAM_ERROR_MSG, message.text);
			break;
		case MESSAGE_PROMPT: {
			int code = ask(dialogue, &message);
			if (code != PAM_SUCCESS)
				return code;
			break;
		}
		case MESSAGE_WITHDRAW: /* only of a question that is open, and while one is, we do not read */
			break;
		case MESSAGE_DECISION:
			return conclude(dialogue, &message);
		}
	}
	return refuse(dialogue, LINK_GARBLED);
}

static int conclude(struct dialogue *dialogue, const struct message *message)
{
	int code = code_of(message->pam);
	bool entered = code == PAM_SUCCESS && message->verdict != VERDICT_DENY;
	const char *reason = message->reason;

	dialogue->exempt = entered && message->verdict == VERDICT_BYPASS &&
			   (strcmp(reason, "exempt-user") == 0 || strcmp(reason, "exempt-group") == 0 ||
			    strcmp(reason, "not-required") == 0);
	if (message->text[0] != '\0')
		tell(dialogue, entered ? PAM_TEXT_INFO : PAM_ERROR_MSG, message->text);
	/* A denial with PAM_SUCCESS does not get past message_decode(); nor would it past this. */
	return code == PAM_SUCCESS && !entered ? PAM_SYSTEM_ERR : code;
}

/*
 * The one table from the daemon's words to PAM's codes. PAM_IGNORE is not in it, and never will be: it would leave the
 * login to the rest of the stack (CVE-2025-23013). What is not in it is PAM_SYSTEM_ERR.
 */
static int code_of(const char *name)
{
	static const struct {
		const char *name;
		int code;
	} table[] = {
		{"PAM_SUCCESS", PAM_SUCCESS},
		{"PAM_AUTH_ERR", PAM_AUTH_ERR},
		{"PAM_MAXTRIES", PAM_MAXTRIES},
		{"PAM_USER_UNKNOWN", PAM_USER_UNKNOWN},
		{"PAM_AUTHINFO_UNAVAIL", PAM_AUTHINFO_UNAVAIL},
		{"PAM_SERVICE_ERR", PAM_SERVICE_ERR},
		{"PAM_CONV_ERR", PAM_CONV_ERR},
		{"PAM_ABORT", PAM_ABORT},
		{"PAM_PERM_DENIED", PAM_PERM_DENIED},
		{"PAM_SYSTEM_ERR", PAM_SYSTEM_ERR},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].code;
	return PAM_SYSTEM_ERR;
}

/* Puts a question and sends what comes of it. Returns PAM_SUCCESS to go on, else the code to return. */
static int ask(struct dialogue *dialogue, const struct message *prompt)
{
	char *typed = NULL;
	char answer[ANSWER_SIZE];

	if (!dialogue->interactive) { /* it was told so, and asks all the same */
		send_verb(dialogue, SAY_UNABLE, NULL);
		return PAM_SUCCESS;
	}
	if (dialogue->shown == MESSAGES_OUT) {
		pam_syslog(dialogue->pamh, LOG_ERR, "the daemon asks more than %d times", MESSAGES_OUT);
		send_verb(dialogue, SAY_CANCEL, NULL);
		return PAM_SYSTEM_ERR;
	}
	int code = put_to_person(dialogue, prompt->echo ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF, prompt->text, &typed);
	if (code != PAM_SUCCESS) {
		/* Perhaps Ctrl-C; perhaps a conversation that cannot ask this. Neither may make a phone ring any more. */
		pam_syslog(dialogue->pamh, LOG_NOTICE,
			   "a question was not answered: %s (sshd can ask it by keyboard-interactive only)",
			   pam_strerror(dialogue->pamh, code));
		send_verb(dialogue, SAY_CANCEL, NULL);
		return PAM_CONV_ERR;
	}
	utf8_copy(answer, sizeof answer, typed); /* what is longer is no code */
	explicit_bzero(typed, strlen(typed));
	free(typed);
	send_verb(dialogue, SAY_ANSWER, answer);
	explicit_bzero(answer, sizeof answer);
	return PAM_SUCCESS;
}

/* Shows a text if it may be shown. Nobody may be there to see it, so a failure is none. */
static void tell(struct dialogue *dialogue, int style, const char *text)
{
	if (!dialogue->silent && dialogue->shown < MESSAGES_OUT)
		put_to_person(dialogue, style, text, NULL);
}

/* One message of pam_conv(3). @param answer for questions: what was typed, to be wiped and freed */
static int put_to_person(struct dialogue *dialogue, int style, const char *text, char **answer)
{
	char shown[TEXT_SIZE];
	const void *item = NULL;
	const struct pam_message message = {.msg_style = style, .msg = shown};
	const struct pam_message *messages = &message;
	struct pam_response *response = NULL;

	clean(shown, text);
	if (!can_converse(dialogue->pamh) || pam_get_item(dialogue->pamh, PAM_CONV, &item) != PAM_SUCCESS)
		return PAM_CONV_ERR;
	const struct pam_conv *conversation = item;
	dialogue->shown++;
	int code = conversation->conv(1, &messages, &response, conversation->appdata_ptr);
	if (code != PAM_SUCCESS)
		return code; /* `response` means nothing then, pam_conv(3) */
	char *typed = response == NULL ? NULL : response->resp;
	free(response);
	if (answer == NULL) {
		free(typed);
		return PAM_SUCCESS;
	}
	*answer = typed;
	return typed == NULL ? PAM_CONV_ERR : PAM_SUCCESS;
}

/* @param text of an answer, else NULL. What cannot be sent now shows when the daemon is next read. */
static void send_verb(struct dialogue *dialogue, enum saying saying, const char *text)
{
	static const char *const verbs[] = {[SAY_ANSWER] = "answer", [SAY_UNABLE] = "unable", [SAY_CANCEL] = "cancel"};
	struct frame_writer line;
	char id[] = "999999";

	exchange_say(&dialogue->exchange, saying, dialogue->exchange.newest);
	frame_begin(&line, verbs[saying]);
	if (saying != SAY_CANCEL) {
		snprintf(id, sizeof id, "%d", dialogue->exchange.newest);
		frame_field(&line, "id", id);
	}
	frame_field(&line, "text", text);
	if (frame_end(&line))
		link_send(&dialogue->link, line.text, line.length);
	explicit_bzero(line.text, line.length);
}

/*
 * Fit to be shown: whole characters, no control characters (C0, DEL, C1), and short enough for any application. The
 * daemon has cleaned its texts already; a terminal is worth looking twice.
 */
static void clean(char *out, const char *text)
{
	utf8_copy(out, TEXT_SIZE, text);
	for (unsigned char *byte = (unsigned char *)out; *byte != '\0'; byte++)
		if (*byte < ' ' || *byte == 0x7f)
			*byte = '?';
		else if (byte[0] == 0xc2 && byte[1] < 0xa0)
			byte[0] = byte[1] = '?';
}
