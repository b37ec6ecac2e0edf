/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef TRASA_UTF8_H
#define TRASA_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the character at `text`, of which `left` bytes are there; 0 if there is none. A NUL is none. */
size_t utf8_character(const char *text, size_t left);

bool utf8_valid(const char *text, size_t length);

/*
 * Copies as much of `text` as fits into `size` bytes, NUL included: whole characters only, U+FFFD for bytes that are
 * none. Returns whether all of it fitted.
 */
bool utf8_copy(char *out, size_t size, const char *text);

#endif
