/* Whom to trust in the file system: whoever could change a thing or the way to it could have put it there. */
#ifndef TRASA_PLACE_H
#define TRASA_PLACE_H

#include <stdbool.h>

enum place { PLACE_FIRM, PLACE_ABSENT, PLACE_UNSAFE };

/* `path` is absolute; it need not be there, but its directory must. The last directory may be the daemon's user's. */
enum place place_of_socket(const char *path);

/* A program that only root can change. PLACE_ABSENT leaves its reason in errno. */
enum place place_of_program(const char *path);

#endif
