#include "native.h"

#include <errno.h>
#include <string.h>
#include <termios.h>

napi_value read_keys(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  int fd;
  void *copy;
  struct termios saved, keys;
  if (!get_arguments(env, info, 1, &argument))
    return NULL;
  TRY(napi_get_value_int32(env, argument, &fd));
  if (tcgetattr(fd, &saved) != 0)
    return throw_errno(env, "tcgetattr", errno);
  TRY(napi_create_arraybuffer(env, sizeof saved, &copy, &result));
  memcpy(copy, &saved, sizeof saved);

  keys = saved;
  keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | ISIG | IEXTEN);
  /* Unlike with cfmakeraw(3), Enter stays a line end: what is typed ahead may be for a program that reads lines. */
  keys.c_iflag &= ~(tcflag_t)(INLCR | IGNCR | ISTRIP | PARMRK | IXON);
  keys.c_iflag |= ICRNL;
  keys.c_oflag |= OPOST | ONLCR;
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  if (tcsetattr(fd, TCSANOW, &keys) != 0) /* TCSAFLUSH would lose what is typed ahead */
    return throw_errno(env, "tcsetattr", errno);
  return result;
}

napi_value restore_terminal(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd;
  void *bytes;
  size_t length;
  struct termios saved;
  if (!get_arguments(env, info, 2, arguments))
    return NULL;
  TRY(napi_get_value_int32(env, arguments[0], &fd));
  TRY(napi_get_arraybuffer_info(env, arguments[1], &bytes, &length));
  if (length != sizeof saved)
    return throw_errno(env, "restoreTerminal", EINVAL);
  memcpy(&saved, bytes, sizeof saved);
  if (tcsetattr(fd, TCSANOW, &saved) != 0)
    return throw_errno(env, "tcsetattr", errno);
  return NULL;
}
