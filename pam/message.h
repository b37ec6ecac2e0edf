/* What the daemon says, checked field by field, and which message is allowed when (PROTOCOL.md, part 1). */
#ifndef TRASA_MESSAGE_H
#define TRASA_MESSAGE_H

#include "frame.h"

#include <stdbool.h>

enum message_kind { MESSAGE_INFO, MESSAGE_ERROR, MESSAGE_PROMPT, MESSAGE_WITHDRAW, MESSAGE_DECISION };

enum verdict { VERDICT_DENY, VERDICT_ALLOW, VERDICT_BYPASS };

struct message {
	enum message_kind kind;
	int id;              /* prompt, withdraw: 1 to 999999 */
	bool echo;           /* prompt */
	const char *text;    /* all but withdraw; of a decision it may be empty */
	enum verdict verdict; /* the rest: decision */
	const char *reason;
	const char *pam;     /* a name in the manner of PAM_AUTH_ERR; PAM_SUCCESS if, and only if, the verdict is not deny */
};

/* Returns false for what is no message that this door takes. `message` points into what `frame` points to. */
bool message_decode(const struct frame *frame, struct message *message);

/* One exchange as the door sees it. It is shown every message, sent and received, in its order. */
enum state { STATE_OPENING, STATE_DECIDING, STATE_ASKING, STATE_CANCELLED, STATE_DECIDED };

struct exchange {
	enum state state;
	int newest; /* id of the newest question; 0 before the first */
};

enum saying { SAY_ATTEMPT, SAY_ANSWER, SAY_UNABLE, SAY_CANCEL };

/* LATE: allowed, and about something that is over already; nobody acts on it. */
enum standing { TAKEN, LATE, REFUSED };

enum standing exchange_say(struct exchange *exchange, enum saying saying, int id);
enum standing exchange_hear(struct exchange *exchange, const struct message *message);

#endif
