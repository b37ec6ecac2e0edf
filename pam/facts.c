#include "facts.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define AUTHINFO_SIZE 4097

static const char *text_item(pam_handle_t *pamh, int type);
static int who_is_asked(pam_handle_t *pamh, struct facts *facts);
static bool is_one_of(const char *service, const char *const names[]);
static void read_command(struct facts *facts);
static bool put(struct frame_writer *line, const char *name, const char *value, size_t size);
static void put_lines(struct frame_writer *line, const char *name, const char *value);

static const char *const switching[] = {"su", "su-l", NULL};
static const char *const running[] = {"sudo", "sudo-i", "su", "su-l", NULL};

int facts_gather(pam_handle_t *pamh, struct facts *facts)
{
	*facts = (struct facts){0};
	int code = pam_get_user(pamh, &facts->user, NULL);
	if (code != PAM_SUCCESS)
		return PAM_CONV_ERR;
	if (facts->user == NULL || facts->user[0] == '\0')
		return PAM_USER_UNKNOWN;
	facts->service = text_item(pamh, PAM_SERVICE);
	facts->rhost = text_item(pamh, PAM_RHOST);
	facts->ruser = text_item(pamh, PAM_RUSER);
	facts->tty = text_item(pamh, PAM_TTY);
	if (facts->tty != NULL && strcmp(facts->tty, "ssh") == 0)
		facts->tty = NULL; /* what sshd says while there is none (auth-pam.c) */
	facts->authtok = text_item(pamh, PAM_AUTHTOK) != NULL;
	facts->connection = pam_getenv(pamh, "SSH_CONNECTION");
	facts->authinfo = pam_getenv(pamh, "SSH_AUTH_INFO_0");
	code = who_is_asked(pamh, facts);
	if (code == PAM_SUCCESS)
		read_command(facts);
	return code;
}

/* An empty item says nothing. */
static const char *text_item(pam_handle_t *pamh, int type)
{
	const void *item = NULL;

	if (pam_get_item(pamh, type, &item) != PAM_SUCCESS || item == NULL || *(const char *)item == '\0')
		return NULL;
	return item;
}

/*
 * The person behind PAM_USER, but for su to root: root is nobody in particular, and its password is often known to
 * several, so the caller is asked. Who that is the kernel says (the real user id); PAM_RUSER is only what su says.
 * sudo makes the caller PAM_USER by itself. Root goes by user id, since it may have other names.
 */
static int who_is_asked(pam_handle_t *pamh, struct facts *facts)
{
	const char *name = facts->user;

	if (is_one_of(facts->service, switching)) {
		const struct passwd *target = pam_modutil_getpwnam(pamh, facts->user);
		if (target != NULL && target->pw_uid == 0) {
			const struct passwd *caller = pam_modutil_getpwuid(pamh, getuid());
			name = caller == NULL ? NULL : caller->pw_name;
		}
	}
	if (name != NULL && utf8_copy(facts->account, sizeof facts->account, name))
		return PAM_SUCCESS;
	pam_syslog(pamh, LOG_NOTICE, "the account has no name, or one that is too long");
	return PAM_USER_UNKNOWN;
}

static bool is_one_of(const char *service, const char *const names[])
{
	for (; service != NULL && *names != NULL; names++)
		if (strcmp(service, *names) == 0)
			return true;
	return false;
}

/*
 * The words that sudo or su were started with, to be shown and logged. Untrusted: they are the caller's, the name of the
 * program too. If another account than the one asked is entered, that is said first, where no word can pretend it.
 */
static void read_command(struct facts *facts)
{
	char words[COMMAND_SIZE], text[COMMAND_SIZE + ACCOUNT_SIZE + 8];
	size_t length = 0;

	if (!is_one_of(facts->service, running))
		return;
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && length < sizeof words - 1) {
		ssize_t got = read(fd, words + length, sizeof words - 1 - length);
		if (got > 0)
			length += (size_t)got;
		else if (got == 0 || errno != EINTR)
			break;
	}
	if (fd >= 0)
		close(fd);
	while (length > 0 && words[length - 1] == '\0')
		length--;
	for (size_t i = 0; i < length; i++)
		if (words[i] == '\0')
			words[i] = ' ';
	words[length] = '\0';

	if (strcmp(facts->account, facts->user) == 0 || !is_one_of(facts->service, switching))
		snprintf(text, sizeof text, "%s", words);
	else
		snprintf(text, sizeof text, "as %s: %s", facts->user, words);
	utf8_copy(facts->command, sizeof facts->command, text);
}

bool facts_write(const struct facts *facts, const struct options *options, enum phase phase, bool interactive,
		 struct frame_writer *line)
{
	frame_begin(line, "attempt");
	frame_field(line, "version", "1");
	frame_field(line, "door", "pam");
	bool fits = put(line, "service", facts->service == NULL ? "unknown" : facts->service, 65) &&
		    put(line, "account", facts->account, ACCOUNT_SIZE) && put(line, "rhost", facts->rhost, 257) &&
		    put(line, "ruser", facts->ruser, 257) && put(line, "tty", facts->tty, 129) &&
		    put(line, "connection", facts->connection, 257);
	frame_field(line, "command", facts->command[0] == '\0' ? NULL : facts->command);
	frame_field(line, "first", options->after_password ? "password" : NULL);
	frame_field(line, "authtok", facts->authtok ? "yes" : NULL);
	frame_field(line, "phase", phase == PHASE_ACCOUNT ? "account" : "auth");
	frame_field(line, "interactive", interactive ? "yes" : "no");
	frame_field(line, "withdraw", "no"); /* pam_conv(3) cannot take a question back */
	frame_field(line, "style", options->style_trasa ? "trasa" : NULL);
	put_lines(line, "authinfo", facts->authinfo);
	return fits && frame_end(line);
}

/* Returns false if the value is longer than `size` - 1 bytes. */
static bool put(struct frame_writer *line, const char *name, const char *value, size_t size)
{
	char text[ACCOUNT_SIZE];

	if (value == NULL)
		return true;
	if (!utf8_copy(text, size < sizeof text ? size : sizeof text, value))
		return false;
	frame_field(line, name, text);
	return true;
}

/* As many whole lines as may be said and fit: half a key proves nothing, and less proved is less allowed. */
static void put_lines(struct frame_writer *line, const char *name, const char *value)
{
	char text[AUTHINFO_SIZE];
	size_t room = frame_room(line, name);

	if (value == NULL)
		return;
	bool whole = utf8_copy(text, sizeof text, value);
	size_t length = strlen(text);
	while (!whole || frame_encoded_length(text, length) > room) {
		const char *end = memrchr(text, '\n', length);
		length = end == NULL ? 0 : (size_t)(end - text);
		text[length] = '\0';
		whole = true;
	}
	frame_field(line, name, length == 0 ? NULL : text);
}
