/*
 * passwd and group look-ups (NSS), each on a detached thread of its own. Not on libuv's pool: a directory service that
 * hangs would starve it (4 threads, shared with DNS and files), and exit(3) waits for those threads but not for ours.
 *
 * The answer is text, fields that end in NUL each; lookup.ts reads it:
 *   "unknown" | "unavailable" why | "found" name uid gid home shell group... why-groups-are-unavailable
 */
#include "native.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUFFER 4096
#define LAST_BUFFER (1024 * 1024) /* bytes of one entry: groups with tens of thousands of members exist */
#define FIRST_GROUPS 64
#define LAST_GROUPS 65536 /* NGROUPS_MAX */

struct lookup {
  napi_threadsafe_function done;
  napi_deferred deferred;
  char *name;
  bool with_groups;
  char *answer;
  size_t length;
};

static void free_lookup(struct lookup *lookup) {
  free(lookup->answer);
  free(lookup->name);
  free(lookup);
}

static void put(FILE *out, const char *field) {
  fputs(field != NULL ? field : "", out);
  fputc('\0', out);
}

static void put_group(FILE *out, gid_t gid, char *why, size_t room) {
  char *strings = NULL;
  struct group group;
  struct group *found = NULL;
  int error = ERANGE;
  for (size_t size = FIRST_BUFFER; error == ERANGE && size <= LAST_BUFFER; size *= 4) {
    free(strings);
    strings = malloc(size);
    error = strings != NULL ? getgrgid_r(gid, &group, strings, size, &found) : ENOMEM;
  }
  if (error == 0 && found != NULL)
    put(out, group.gr_name);
  else
    snprintf(why, room, "group %lu: %s", (unsigned long)gid, error == 0 ? "has no name" : strerrordesc_np(error));
  free(strings);
}

/*
 * One group without a name makes all of them unavailable: a rule might be about that very group. What getgrouplist(3)
 * does not say, we cannot know: that one of several sources in nsswitch.conf(5) was out of order.
 */
static void put_groups(FILE *out, const struct passwd *user) {
  char why[160] = "";
  gid_t *ids = NULL;
  int count = -1;
  for (int room = FIRST_GROUPS; count < 0 && room <= LAST_GROUPS; room *= 4) {
    free(ids);
    ids = calloc((size_t)room, sizeof *ids);
    int found = room;
    if (ids != NULL && getgrouplist(user->pw_name, user->pw_gid, ids, &found) >= 0)
      count = found;
  }
  if (count < 0)
    snprintf(why, sizeof why, "getgrouplist: no memory, or too many groups");
  for (int i = 0; ids != NULL && i < count && why[0] == '\0'; i++)
    put_group(out, ids[i], why, sizeof why);
  free(ids);
  put(out, why);
}

/* "0 or ENOENT or ESRCH or EBADF or EPERM or ...: The given name or uid was not found." (getpwnam_r(3)) */
static bool means_not_found(int error) {
  return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

static void put_account(FILE *out, const char *name, bool with_groups) {
  char *strings = NULL;
  struct passwd user;
  struct passwd *found = NULL;
  int error = ERANGE;
  for (size_t size = FIRST_BUFFER; error == ERANGE && size <= LAST_BUFFER; size *= 4) {
    free(strings);
    strings = malloc(size);
    error = strings != NULL ? getpwnam_r(name, &user, strings, size, &found) : ENOMEM;
  }
  if (error == 0 && found != NULL) {
    put(out, "found");
    put(out, user.pw_name);
    fprintf(out, "%lu%c%lu%c", (unsigned long)user.pw_uid, 0, (unsigned long)user.pw_gid, 0);
    put(out, user.pw_dir);
    put(out, user.pw_shell);
    if (with_groups)
      put_groups(out, &user);
  } else if (means_not_found(error)) {
    put(out, "unknown");
  } else {
    put(out, "unavailable");
    put(out, strerrordesc_np(error));
  }
  free(strings);
}

static void *run(void *data) {
  struct lookup *lookup = data;
  FILE *out = open_memstream(&lookup->answer, &lookup->length);
  if (out != NULL) {
    put_account(out, lookup->name, lookup->with_groups);
    if (ferror(out) | fclose(out)) /* no memory */
      lookup->length = 0;
  }
  const napi_threadsafe_function done = lookup->done;
  const napi_status status = napi_call_threadsafe_function(done, lookup, napi_tsfn_nonblocking);
  if (status != napi_ok)
    free_lookup(lookup);
  if (status != napi_closing)
    (void)napi_release_threadsafe_function(done, napi_tsfn_release);
  return NULL;
}

/* In JavaScript's thread again; `env` is NULL if the program is ending. An empty answer is read as unavailable. */
static void settle(napi_env env, napi_value function, void *context, void *data) {
  (void)function;
  (void)context;
  struct lookup *lookup = data;
  napi_value text;
  if (env != NULL && napi_create_string_utf8(env, lookup->length > 0 ? lookup->answer : "", lookup->length, &text) == napi_ok)
    (void)napi_resolve_deferred(env, lookup->deferred, text); /* if it fails, the deadline in lookup.ts answers */
  free_lookup(lookup);
}

/* Returns 0 or an errno. Signals stay with the main thread, where libuv's handler is. */
static int start_thread(struct lookup *lookup) {
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  int error = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (error != 0)
    return error;
  error = pthread_create(&thread, NULL, run, lookup);
  if (error == 0)
    (void)pthread_detach(thread); /* like the next, cannot fail with these arguments */
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

/* Takes a copy of the name. NULL: an exception is pending. */
static struct lookup *new_lookup(napi_env env, napi_value name, bool with_groups) {
  size_t length;
  if (napi_get_value_string_utf8(env, name, NULL, 0, &length) != napi_ok) {
    (void)throw_napi(env);
    return NULL;
  }
  struct lookup *lookup = calloc(1, sizeof *lookup);
  char *copy = malloc(length + 1);
  if (lookup == NULL || copy == NULL || napi_get_value_string_utf8(env, name, copy, length + 1, &length) != napi_ok ||
      strlen(copy) != length) {
    free(copy);
    free(lookup);
    (void)throw_errno(env, "name", EINVAL);
    return NULL;
  }
  lookup->name = copy;
  lookup->with_groups = with_groups;
  return lookup;
}

/* The way back from the thread. Nobody else needs to be alive for it: a hung look-up must not keep a program going. */
static napi_status open_way_back(napi_env env, struct lookup *lookup) {
  napi_value label;
  napi_status status = napi_create_string_utf8(env, "lookUpAccount", NAPI_AUTO_LENGTH, &label);
  if (status == napi_ok)
    status = napi_create_threadsafe_function(env, NULL, NULL, label, 0, 1, NULL, NULL, NULL, settle, &lookup->done);
  return status == napi_ok ? napi_unref_threadsafe_function(env, lookup->done) : status;
}

napi_value look_up_account(napi_env env, napi_callback_info info) {
  napi_value arguments[2], promise;
  bool with_groups;
  if (!get_arguments(env, info, 2, arguments))
    return NULL;
  TRY(napi_get_value_bool(env, arguments[1], &with_groups));
  struct lookup *lookup = new_lookup(env, arguments[0], with_groups);
  if (lookup == NULL)
    return NULL;
  if (open_way_back(env, lookup) != napi_ok || napi_create_promise(env, &lookup->deferred, &promise) != napi_ok) {
    free_lookup(lookup);
    return throw_napi(env);
  }
  const int error = start_thread(lookup);
  if (error != 0) {
    (void)napi_release_threadsafe_function(lookup->done, napi_tsfn_abort);
    free_lookup(lookup);
    return throw_errno(env, "pthread_create", error);
  }
  return promise;
}
