#include "place.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_firm_way(char *path);
static bool is_firm(const char *directory, bool last);

/*
 * SECURITY NOTE: whoever listens on this socket opens doors, so nobody but root and the daemon's user may be able to put
 * one there. That is shown by the way to it, as sshd shows it for files (safe_path in OpenSSH's misc.c): every directory
 * belongs to root (or to whom we are, without privilege) and can be written by nobody else; the last one may belong to
 * another user, who is then the daemon's. If no one else can change the way, it cannot change between look and connect.
 *
 * SO_PEERCRED would not do instead: it names who called listen(2) last, which is root under systemd's socket activation
 * and the daemon's user otherwise, and neither the name of that user nor the owner of the directory is known to fit.
 */
enum place place_of_socket(const char *path, char *real, size_t size)
{
	char directory[PATH_MAX], way[PATH_MAX];
	size_t length = (size_t)(strrchr(path, '/') - path);

	memcpy(directory, path, length);
	directory[length] = '\0';
	if (realpath(length == 0 ? "/" : directory, way) == NULL)
		return PLACE_ABSENT;
	int written = snprintf(real, size, "%s%s", strcmp(way, "/") == 0 ? "" : way, path + length);
	if (written < 0 || (size_t)written >= size) {
		errno = ENAMETOOLONG;
		return PLACE_ABSENT;
	}
	return is_firm_way(way) && is_firm(way, true) ? PLACE_FIRM : PLACE_UNSAFE;
}

enum place place_of_program(const char *path, char real[PATH_MAX])
{
	struct stat status;

	if (realpath(path, real) == NULL || lstat(real, &status) != 0)
		return PLACE_ABSENT;
	return is_firm_way(real) && S_ISREG(status.st_mode) && status.st_uid == 0 && (status.st_mode & 022) == 0
		       ? PLACE_FIRM
		       : PLACE_UNSAFE;
}

/* Every directory above `path`, which has no links in it and is left as it was. */
static bool is_firm_way(char *path)
{
	bool firm = is_firm("/", false);

	for (char *slash = strchr(path + 1, '/'); firm && slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		firm = is_firm(path, false);
		*slash = '/';
	}
	return firm;
}

static bool is_firm(const char *directory, bool last)
{
	struct stat status;

	return lstat(directory, &status) == 0 && S_ISDIR(status.st_mode) && (status.st_mode & 022) == 0 &&
	       (last || status.st_uid == 0 || status.st_uid == geteuid());
}
