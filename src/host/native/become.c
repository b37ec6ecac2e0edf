/* Becoming another program, with all that Node changed in this process put back first. */
#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Node resets signals 1 to 31 when it starts (node.cc, ResetSignalHandlers), and leaves real-time signals alone. */
#define LAST_SIGNAL 31

napi_value environment(napi_env env, napi_callback_info info) {
  napi_value result;
  char *text = NULL;
  size_t length = 0;
  if (!get_arguments(env, info, 0, NULL))
    return NULL;
  FILE *out = open_memstream(&text, &length);
  if (out == NULL)
    return throw_errno(env, "open_memstream", errno);
  for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
    (void)fwrite(*entry, strlen(*entry) + 1, 1, out); /* ferror() tells */
  const bool complete = ferror(out) == 0;
  if (fclose(out) != 0 || !complete) {
    free(text);
    return throw_errno(env, "open_memstream", ENOMEM);
  }
  const napi_status status = napi_create_string_latin1(env, text, length, &result);
  free(text);
  TRY(status);
  return result;
}

/* A vector for execve(2), in one piece to be freed, of strings that end in NUL each. NULL: an exception is pending. */
static char **get_vector(napi_env env, napi_value value) {
  size_t length, count = 0;
  if (napi_get_value_string_latin1(env, value, NULL, 0, &length) != napi_ok) {
    (void)throw_napi(env);
    return NULL;
  }
  /* Room for the worst case, pointers first: every byte an empty string. */
  char **vector = calloc(length + 2, sizeof *vector + 1);
  char *text = (char *)(vector + length + 2);
  if (vector == NULL) {
    (void)throw_errno(env, "calloc", ENOMEM);
    return NULL;
  }
  if (napi_get_value_string_latin1(env, value, text, length + 1, &length) != napi_ok) {
    free(vector);
    (void)throw_napi(env);
    return NULL;
  }
  for (char *next = text; next < text + length; next += strlen(next) + 1)
    vector[count++] = next;
  return vector;
}

/* Returns 0 or an errno. Bit n-1 of `ignored` stands for signal n, as in /proc/PID/status. */
static int restore_process(uint32_t ignored, rlim_t open_files) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return errno;
  limit.rlim_cur = open_files < limit.rlim_max ? open_files : limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return errno;

  /* What sshd gives is blocking; a Node stream over it would not be, and node:util's ESM form makes one for stderr. */
  for (int fd = 0; fd <= 2; fd++) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
      continue; /* not open */
    if (fcntl(fd, F_SETFD, 0) != 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0)
      return errno;
  }

  for (int number = 1; number <= LAST_SIGNAL; number++) {
    struct sigaction action = {0};
    action.sa_handler = (ignored & (UINT32_C(1) << (number - 1))) != 0 ? SIG_IGN : SIG_DFL;
    if (number != SIGKILL && number != SIGSTOP && sigaction(number, &action, NULL) != 0)
      return errno;
  }
  sigset_t none;
  sigemptyset(&none);
  return sigprocmask(SIG_SETMASK, &none, NULL) != 0 ? errno : 0;
}

napi_value execute(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  uint32_t ignored;
  int64_t open_files;
  if (!get_arguments(env, info, 4, arguments))
    return NULL;
  TRY(napi_get_value_uint32(env, arguments[2], &ignored));
  TRY(napi_get_value_int64(env, arguments[3], &open_files));

  char **words = get_vector(env, arguments[0]);
  char **variables = words != NULL ? get_vector(env, arguments[1]) : NULL;
  if (variables == NULL) {
    free(words);
    return NULL;
  }
  int error = words[0] != NULL && open_files > 0 ? restore_process(ignored, (rlim_t)open_files) : EINVAL;
  if (error == 0) {
    execve(words[0], words + 1, variables); /* ends all other threads; descriptors above 2 are close-on-exec */
    error = errno;
  }
  (void)throw_errno(env, words[0] != NULL ? words[0] : "execute", error);
  free(variables);
  free(words);
  return NULL;
}
