#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTION 3
#define LAST_WORDS_MS 5000 /* to take a push back, to write the audit line */
#define STEP_MS 5

static int spawn(const char *program, int connection, pid_t *pid);
static int add_actions(posix_spawn_file_actions_t *actions, int connection);
static int set_attributes(posix_spawnattr_t *attributes);

bool agent_start(const char *program, int *fd, pid_t *pid)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	int error = spawn(program, ends[1], pid);
	close(ends[1]);
	if (error != 0) {
		close(ends[0]);
		errno = error;
		return false;
	}
	*fd = ends[0];
	return true;
}

/* posix_spawn(3), not fork(2): the application may have threads. */
static int spawn(const char *program, int connection, pid_t *pid)
{
	char name[] = "trasa-agent", command[] = "daemon", option[] = "--once";
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", language[] = "LANG=C.UTF-8";
	char *const words[] = {name, command, option, NULL};
	char *const environment[] = {path, language, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	int error = posix_spawn_file_actions_init(&actions);
	if (error != 0)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error == 0) {
		error = add_actions(&actions, connection);
		if (error == 0)
			error = set_attributes(&attributes);
		if (error == 0)
			error = posix_spawn(pid, program, &actions, &attributes, words, environment);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* The connection first: it may be one of those that are opened anew. */
static int add_actions(posix_spawn_file_actions_t *actions, int connection)
{
	int error = posix_spawn_file_actions_adddup2(actions, connection, CONNECTION);

	for (int fd = 0; error == 0 && fd < CONNECTION; fd++)
		error = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(actions, CONNECTION + 1);
	if (error == 0)
		error = posix_spawn_file_actions_addchdir_np(actions, "/");
	return error;
}

/* A session of its own: a Ctrl-C is for the application, which then closes the connection. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	int error = posix_spawnattr_setsigmask(attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attributes, &all);
	if (error == 0)
		error = posix_spawnattr_setflags(attributes,
						 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	return error;
}

/* The application may collect its children itself, or have the kernel do it: then there is nobody to wait for. */
void agent_end(pid_t pid)
{
	for (int waited = 0; waitpid(pid, NULL, WNOHANG) == 0; waited += STEP_MS) {
		if (waited >= LAST_WORDS_MS)
			kill(pid, SIGKILL);
		poll(NULL, 0, STEP_MS);
	}
}
