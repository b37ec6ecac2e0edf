#include "options.h"

#include <limits.h>
#include <security/pam_ext.h>
#include <string.h>
#include <sys/un.h>
#include <syslog.h>

#define DEFAULT_SOCKET "/run/trasa-agent/agent.sock"
#define DEFAULT_TIMEOUT 115 /* over the daemon's loginTimeout (110), under sshd's LoginGraceTime (120) */
#define LONGEST_TIMEOUT 660

static bool read_word(const char *word, struct options *options);
static bool is_socket_path(const char *path);
static bool read_seconds(const char *text, int *seconds);

bool options_read(pam_handle_t *pamh, int argc, const char **argv, struct options *options)
{
	*options = (struct options){.socket = DEFAULT_SOCKET, .timeout_seconds = DEFAULT_TIMEOUT};
	for (int i = 0; i < argc; i++)
		if (!read_word(argv[i], options)) {
			pam_syslog(pamh, LOG_ERR, "not an option of this module, see pam_trasa(8): %s", argv[i]);
			return false;
		}
	return true;
}

static bool read_word(const char *word, struct options *options)
{
	if (strncmp(word, "socket=", 7) == 0) {
		options->socket = word + 7;
		return is_socket_path(options->socket);
	}
	if (strncmp(word, "agent=", 6) == 0) {
		options->agent = word + 6;
		return options->agent[0] == '/' && strlen(options->agent) < PATH_MAX;
	}
	if (strncmp(word, "timeout=", 8) == 0)
		return read_seconds(word + 8, &options->timeout_seconds);
	if (strcmp(word, "phase=auth") == 0)
		return options->only_auth = true;
	if (strcmp(word, "phase=account") == 0)
		return options->only_account = true;
	if (strcmp(word, "first=password") == 0)
		return options->after_password = true;
	if (strcmp(word, "prompt=trasa") == 0)
		return options->style_trasa = true;
	if (strcmp(word, "exempt=ignore") == 0)
		return options->ignore_exempt = true;
	if (strcmp(word, "debug") == 0)
		return options->debug = true;
	return false;
}

static bool is_socket_path(const char *path)
{
	return path[0] == '/' && strlen(path) < sizeof((struct sockaddr_un *)0)->sun_path;
}

static bool read_seconds(const char *text, int *seconds)
{
	size_t length = strlen(text);

	*seconds = 0;
	if (length == 0 || length > 3)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		*seconds = *seconds * 10 + (*text - '0');
	}
	return *seconds >= 1 && *seconds <= LONGEST_TIMEOUT;
}
