#include "fake_pam.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdint.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int wiped_secrets;

static char place[64];
static int places;

int pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	switch (type) {
	case PAM_SERVICE:
		*item = pamh->service;
		return PAM_SUCCESS;
	case PAM_USER:
		*item = pamh->user;
		return PAM_SUCCESS;
	case PAM_RHOST:
		*item = pamh->rhost;
		return PAM_SUCCESS;
	case PAM_RUSER:
		*item = pamh->ruser;
		return PAM_SUCCESS;
	case PAM_TTY:
		*item = pamh->tty;
		return PAM_SUCCESS;
	case PAM_AUTHTOK:
		*item = pamh->authtok;
		return PAM_SUCCESS;
	case PAM_CONV:
		*item = pamh->no_conv ? NULL : &pamh->conv;
		return PAM_SUCCESS;
	default:
		return PAM_BAD_ITEM;
	}
}

int pam_get_user(pam_handle_t *pamh, const char **user, const char *prompt)
{
	(void)prompt;
	*user = pamh->user;
	return pamh->user == NULL ? PAM_CONV_ERR : PAM_SUCCESS;
}

const char *pam_getenv(pam_handle_t *pamh, const char *name)
{
	if (strcmp(name, "SSH_CONNECTION") == 0)
		return pamh->connection;
	return strcmp(name, "SSH_AUTH_INFO_0") == 0 ? pamh->authinfo : NULL;
}

int pam_set_data(pam_handle_t *pamh, const char *name, void *data, void (*cleanup)(pam_handle_t *, void *, int))
{
	(void)name;
	if (pamh->no_memory)
		return PAM_BUF_ERR;
	if (pamh->data != NULL)
		pamh->cleanup(pamh, pamh->data, PAM_DATA_REPLACE);
	pamh->data = data;
	pamh->cleanup = cleanup;
	return PAM_SUCCESS;
}

int pam_get_data(const pam_handle_t *pamh, const char *name, const void **data)
{
	(void)name;
	*data = pamh->data;
	return pamh->data == NULL ? PAM_NO_MODULE_DATA : PAM_SUCCESS;
}

void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	char *log = ((pam_handle_t *)(uintptr_t)pamh)->logged;
	size_t length = strlen(log);
	va_list arguments;

	(void)priority;
	va_start(arguments, format);
	vsnprintf(log + length, LOG_MAX - length - 1, format, arguments);
	va_end(arguments);
	strcat(log, "\n");
}

const char *pam_strerror(pam_handle_t *pamh, int code)
{
	(void)pamh;
	return code == PAM_SUCCESS ? "Success" : "Failure";
}

struct passwd *pam_modutil_getpwnam(pam_handle_t *pamh, const char *name)
{
	static struct passwd root = {.pw_name = (char *)(uintptr_t)"root", .pw_uid = 0};
	static struct passwd other = {.pw_name = (char *)(uintptr_t)"other", .pw_uid = 4711};

	(void)pamh;
	if (strcmp(name, "nobody-knows") == 0)
		return NULL;
	return strcmp(name, "root") == 0 || strcmp(name, "toor") == 0 ? &root : &other;
}

/* Whoever runs the test is `caller`. */
struct passwd *pam_modutil_getpwuid(pam_handle_t *pamh, uid_t uid)
{
	static struct passwd caller = {.pw_name = (char *)(uintptr_t)"caller", .pw_uid = 1};

	(void)pamh;
	return uid == getuid() ? &caller : NULL;
}

/* Looks before it wipes, which the attributes of explicit_bzero(3) do not expect. */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
static void note_wiped(const void *memory, size_t size)
{
	if (memmem(memory, strnlen(memory, size), "secret", 6) != NULL)
		wiped_secrets++;
}

void explicit_bzero(void *memory, size_t size)
{
	note_wiped(memory, size);
	memset(memory, 0, size);
	__asm__ volatile("" : : "r"(memory) : "memory");
}

/* What explicit_bzero(3) is under _FORTIFY_SOURCE. */
void __explicit_bzero_chk(void *memory, size_t size, size_t room);
void __explicit_bzero_chk(void *memory, size_t size, size_t room)
{
	(void)room;
	explicit_bzero(memory, size);
}

static bool leaks_socket(void)
{
	for (int fd = 3; fd < 64; fd++) {
		struct stat status;
		if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
			return true;
	}
	return false;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
	static const char *const styles[] = {
		[PAM_PROMPT_ECHO_OFF] = "off", [PAM_PROMPT_ECHO_ON] = "on", [PAM_ERROR_MSG] = "error", [PAM_TEXT_INFO] = "info"};
	pam_handle_t *pamh = data;
	const struct pam_message *message = messages[0];
	size_t length = strlen(pamh->shown);

	if (count != 1 || strlen(message->msg) >= PAM_MAX_MSG_SIZE)
		abort();
	snprintf(pamh->shown + length, LOG_MAX - length, "%s: %s\n", styles[message->msg_style], message->msg);
	pamh->leaks = pamh->leaks || leaks_socket();
	if (message->msg_style == PAM_ERROR_MSG || message->msg_style == PAM_TEXT_INFO) {
		pamh->told++;
		*responses = pamh->told % 2 == 0 ? NULL : calloc(1, sizeof **responses); /* both are seen in the wild */
		return PAM_SUCCESS;
	}
	const char *answer = pamh->asked < ANSWERS_MAX ? pamh->answers[pamh->asked] : NULL;
	pamh->asked++;
	if (answer == NULL) {
		*responses = (void *)0x10; /* means nothing when it fails, and must not be looked at */
		return PAM_CONV_ERR;
	}
	*responses = calloc(1, sizeof **responses);
	if (*responses != NULL && strcmp(answer, "\b") != 0)
		(*responses)->resp = strdup(answer);
	return PAM_SUCCESS;
}

const char *make_place(void)
{
	char here[40];

	if (geteuid() == 0)
		strcpy(here, "/run");
	else if (getcwd(here, sizeof here) == NULL)
		return NULL; /* no room for a socket's name there */
	snprintf(place, sizeof place, "%s/pam-trasa-XXXXXX", here);
	return mkdtemp(place);
}

void remove_place(void)
{
	rmdir(place);
}

pam_handle_t *start(const char *service, const char *user)
{
	pam_handle_t *pamh = calloc(1, sizeof *pamh);

	if (pamh == NULL)
		abort();
	pamh->service = service;
	pamh->user = user;
	pamh->conv.conv = converse;
	pamh->conv.appdata_ptr = pamh;
	pamh->listener = -1;
	snprintf(pamh->path, sizeof pamh->path, "%s/%d.sock", place, ++places);
	return pamh;
}

void finish(pam_handle_t *pamh)
{
	if (pamh->plays)
		played(pamh);
	if (pamh->data != NULL)
		pamh->cleanup(pamh, pamh->data, PAM_SUCCESS);
	if (pamh->listener >= 0)
		close(pamh->listener);
	unlink(pamh->path);
	free(pamh);
}

static bool readable(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	return poll(&ready, 1, 10000) == 1;
}

/* Reads a line of the door's; false if there is none any more. */
static bool hear(pam_handle_t *pamh, int fd, char *line, size_t size)
{
	size_t length = 0;

	while (length < size - 1 && readable(fd) && recv(fd, line + length, 1, 0) == 1)
		if (line[length++] == '\n')
			break;
	line[length] = '\0';
	strncat(pamh->heard, line, LOG_MAX - strlen(pamh->heard) - 1);
	return length > 0;
}

static void say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return; /* the door may be gone, and some scripts are about that */
}

static void step(pam_handle_t *pamh, int fd, char kind, char *text)
{
	char line[16384];

	switch (kind) {
	case '>':
		if (!hear(pamh, fd, line, sizeof line) || strncmp(line, text, strlen(text)) != 0)
			snprintf(pamh->trouble, LOG_MAX, "expected %s, heard %s", text, line);
		break;
	case '<':
		say(fd, text);
		say(fd, "\n");
		break;
	case '+':
		say(fd, text);
		break;
	case '%':
		for (long count = strtol(text, &text, 10); count > 0; count--) {
			say(fd, text + 1);
			say(fd, "\n");
		}
		break;
	case '~':
		usleep((useconds_t)atoi(text) * 1000);
		break;
	case '.': {
		struct pollfd gone = {.fd = fd};
		while (poll(&gone, 1, 50) == 0)
			say(fd, text);
		break;
	}
	case '|':
		while (hear(pamh, fd, line, sizeof line))
			;
		break;
	default:
		abort();
	}
}

static void *daemon_thread(void *data)
{
	pam_handle_t *pamh = data;
	char *script = strdup(pamh->script), *rest = script, *line;
	int fd = readable(pamh->listener) ? accept4(pamh->listener, NULL, NULL, SOCK_CLOEXEC) : -1;

	if (fd < 0)
		snprintf(pamh->trouble, LOG_MAX, "nobody came");
	while (fd >= 0 && (line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			step(pamh, fd, *line, line[1] == ' ' ? line + 2 : line + 1);
	if (fd >= 0)
		close(fd);
	free(script);
	return NULL;
}

void hang(pam_handle_t *pamh)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (pamh->listener >= 0)
		return;
	strcpy(address.sun_path, pamh->path);
	pamh->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(pamh->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(pamh->listener, 1) != 0)
		abort();
}

void play(pam_handle_t *pamh, const char *script)
{
	hang(pamh);
	pamh->script = script;
	pamh->heard[0] = pamh->trouble[0] = '\0';
	pamh->plays = pthread_create(&pamh->thread, NULL, daemon_thread, pamh) == 0;
}

bool played(pam_handle_t *pamh)
{
	if (pamh->plays)
		pthread_join(pamh->thread, NULL);
	pamh->plays = false;
	if (pamh->trouble[0] != '\0')
		printf("# %s\n", pamh->trouble);
	return pamh->trouble[0] == '\0';
}
