/* A source for nsswitch.conf(5) that fails in every way: each account shows one. Used by nss.test.ts. */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_GID 100000
#define MANY 3000
#define NAMELESS_GID 64999
#define FAILING_GID 64998

static const struct {
  const char *name;
  uid_t uid;
  gid_t gid;
} accounts[] = {
    {"grüße", 60001, FIRST_GID}, {"nameless", 60002, NAMELESS_GID}, {"failing", 60003, FAILING_GID},
    {"many", 60004, FIRST_GID},  {"huge", 60005, FIRST_GID},
};

enum nss_status _nss_trial_getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size, int *error) {
  if (strcmp(name, "hangs") == 0)
    for (;;)
      pause();
  if (strcmp(name, "down") == 0) {
    *error = ECONNREFUSED;
    return NSS_STATUS_UNAVAIL;
  }
  if (strcmp(name, "busy") == 0) {
    *error = EAGAIN;
    return NSS_STATUS_TRYAGAIN;
  }
  const size_t wanted = strcmp(name, "huge") == 0 ? 300000 : strcmp(name, "endless") == 0 ? SIZE_MAX : 1000;
  if (size < wanted) {
    *error = ERANGE;
    return NSS_STATUS_TRYAGAIN;
  }
  for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
    if (strcmp(name, accounts[i].name) != 0)
      continue;
    snprintf(buffer, size, "%s", name);
    *pw = (struct passwd){.pw_name = buffer, .pw_passwd = "*", .pw_uid = accounts[i].uid, .pw_gid = accounts[i].gid,
                          .pw_gecos = "", .pw_dir = "/trial", .pw_shell = ""};
    return NSS_STATUS_SUCCESS;
  }
  *error = ENOENT;
  return NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_trial_getgrgid_r(gid_t gid, struct group *group, char *buffer, size_t size, int *error) {
  static char *nobody[] = {NULL};
  if (gid == FAILING_GID) {
    *error = ECONNREFUSED;
    return NSS_STATUS_UNAVAIL;
  }
  if (gid < FIRST_GID || gid >= FIRST_GID + MANY) {
    *error = ENOENT;
    return NSS_STATUS_NOTFOUND;
  }
  snprintf(buffer, size, "group%u", gid - FIRST_GID);
  *group = (struct group){.gr_name = buffer, .gr_passwd = "*", .gr_gid = gid, .gr_mem = nobody};
  return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_trial_initgroups_dyn(const char *user, gid_t gid, long *start, long *size, gid_t **groups,
                                          long limit, int *error) {
  (void)gid;
  if (strcmp(user, "many") != 0)
    return NSS_STATUS_NOTFOUND;
  for (gid_t next = FIRST_GID + 1; next < FIRST_GID + MANY; next++) {
    if (*start == *size) {
      const long larger = limit > 0 && 2 * *size > limit ? limit : 2 * *size;
      gid_t *room = larger > *size ? realloc(*groups, (size_t)larger * sizeof **groups) : NULL;
      if (room == NULL) {
        *error = ENOMEM;
        return NSS_STATUS_TRYAGAIN;
      }
      *groups = room;
      *size = larger;
    }
    (*groups)[(*start)++] = next;
  }
  return NSS_STATUS_SUCCESS;
}
