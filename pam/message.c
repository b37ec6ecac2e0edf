#include "message.h"

#include <string.h>

#define TEXT_MAX 1024 /* bytes, as all below */
#define REASON_MAX 64
#define PAM_NAME_MAX 36 /* PAM_ and 32 more */

static bool decode_decision(const struct frame *frame, struct message *message);
static bool read_text(const struct frame *frame, const char *name, size_t longest, const char **text);
static bool read_bool(const struct frame *frame, const char *name, bool *value);
static bool read_number(const struct frame *frame, const char *name, size_t digits, int *number);
static bool read_pam_name(const struct frame *frame, const char **pam);
static enum standing about_question(struct exchange *exchange, int id);

bool message_decode(const struct frame *frame, struct message *message)
{
	const char *verb = frame->verb;

	*message = (struct message){0};
	if (strcmp(verb, "info") == 0 || strcmp(verb, "error") == 0) {
		message->kind = verb[0] == 'i' ? MESSAGE_INFO : MESSAGE_ERROR;
		return read_text(frame, "text", TEXT_MAX, &message->text);
	}
	if (strcmp(verb, "prompt") == 0) {
		message->kind = MESSAGE_PROMPT;
		return read_number(frame, "id", 6, &message->id) && message->id > 0 &&
		       read_bool(frame, "echo", &message->echo) && read_text(frame, "text", TEXT_MAX, &message->text);
	}
	if (strcmp(verb, "withdraw") == 0) {
		message->kind = MESSAGE_WITHDRAW;
		return read_number(frame, "id", 6, &message->id) && message->id > 0;
	}
	if (strcmp(verb, "decision") == 0) {
		message->kind = MESSAGE_DECISION;
		return decode_decision(frame, message);
	}
	return false; /* `recorded`, too: a PAM module records nothing */
}

/* A decision that contradicts itself opens nothing: whichever field is looked at, it must give the same answer. */
static bool decode_decision(const struct frame *frame, struct message *message)
{
	const char *verdict, *id, *sftp;
	bool motd, record;
	int exit;

	if (!read_text(frame, "verdict", REASON_MAX, &verdict) || !read_text(frame, "id", REASON_MAX, &id) ||
	    !read_text(frame, "reason", REASON_MAX, &message->reason) ||
	    !read_text(frame, "text", TEXT_MAX, &message->text) || !read_number(frame, "exit", 3, &exit) || exit > 255 ||
	    !read_pam_name(frame, &message->pam) || !read_bool(frame, "motd", &motd) ||
	    !read_bool(frame, "record", &record) || !read_text(frame, "sftp", TEXT_MAX, &sftp))
		return false;
	if (strcmp(verdict, "allow") == 0)
		message->verdict = VERDICT_ALLOW;
	else if (strcmp(verdict, "bypass") == 0)
		message->verdict = VERDICT_BYPASS;
	else if (strcmp(verdict, "deny") == 0)
		message->verdict = VERDICT_DENY;
	else
		return false;

	bool entered = message->verdict != VERDICT_DENY;
	/* Recording is asked of the door `login` only; here it would be a promise that nobody keeps. */
	return entered == (exit == 0) && entered == (strcmp(message->pam, "PAM_SUCCESS") == 0) && !record;
}

static bool read_text(const struct frame *frame, const char *name, size_t longest, const char **text)
{
	*text = frame_value(frame, name);
	return *text != NULL && strlen(*text) <= longest;
}

static bool read_bool(const struct frame *frame, const char *name, bool *value)
{
	const char *text = frame_value(frame, name);

	*value = text != NULL && strcmp(text, "yes") == 0;
	return text != NULL && (*value || strcmp(text, "no") == 0);
}

/* Decimal, without sign and leading zeros. */
static bool read_number(const struct frame *frame, const char *name, size_t digits, int *number)
{
	const char *text = frame_value(frame, name);

	*number = 0;
	if (text == NULL || text[0] == '\0' || strlen(text) > digits || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		*number = *number * 10 + (*text - '0');
	}
	return true;
}

static bool read_pam_name(const struct frame *frame, const char **pam)
{
	if (!read_text(frame, "pam", PAM_NAME_MAX, pam) || strncmp(*pam, "PAM_", 4) != 0 || (*pam)[4] == '\0')
		return false;
	for (const char *at = *pam; *at != '\0'; at++)
		if ((*at < 'A' || *at > 'Z') && *at != '_')
			return false;
	return true;
}

/*
 * The two functions below are `stateTable` and `Exchange` of src/protocol/states.ts, without recordings.
 */
enum standing exchange_say(struct exchange *exchange, enum saying saying, int id)
{
	enum state state = exchange->state;

	if (saying == SAY_ATTEMPT) {
		if (state != STATE_OPENING)
			return REFUSED;
		exchange->state = STATE_DECIDING;
		return TAKEN;
	}
	if (state != STATE_DECIDING && state != STATE_ASKING && (state != STATE_OPENING || saying != SAY_CANCEL))
		return REFUSED;
	if (saying != SAY_CANCEL)
		return about_question(exchange, id);
	exchange->state = STATE_CANCELLED;
	return TAKEN;
}

enum standing exchange_hear(struct exchange *exchange, const struct message *message)
{
	enum state state = exchange->state;

	if (state == STATE_DECIDED || (state == STATE_OPENING && message->kind != MESSAGE_DECISION))
		return REFUSED;
	if (message->kind == MESSAGE_DECISION) {
		exchange->state = STATE_DECIDED;
		return TAKEN;
	}
	if (state == STATE_CANCELLED)
		return LATE; /* it crossed our `cancel` */
	if (message->kind == MESSAGE_WITHDRAW)
		return about_question(exchange, message->id);
	if (message->kind == MESSAGE_PROMPT) {
		if (state == STATE_ASKING || message->id <= exchange->newest)
			return REFUSED;
		exchange->newest = message->id;
		exchange->state = STATE_ASKING;
	}
	return TAKEN;
}

/* A question may be answered and withdrawn at the same moment: the later of the two says nothing new. */
static enum standing about_question(struct exchange *exchange, int id)
{
	if (id > exchange->newest)
		return REFUSED;
	if (exchange->state != STATE_ASKING || id != exchange->newest)
		return LATE;
	exchange->state = STATE_DECIDING;
	return TAKEN;
}
