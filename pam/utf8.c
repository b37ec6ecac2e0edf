#include "utf8.h"

#include <string.h>

size_t utf8_character(const char *text, size_t left)
{
	const unsigned char *byte = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte, RFC 3629 section 4 */
	size_t length;

	if (left == 0 || byte[0] == 0)
		return 0;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] >= 0xc2 && byte[0] <= 0xdf)
		length = 2;
	else if (byte[0] >= 0xe0 && byte[0] <= 0xef)
		length = 3;
	else if (byte[0] >= 0xf0 && byte[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (byte[0] == 0xe0)
		low = 0xa0;
	else if (byte[0] == 0xed)
		high = 0x9f;
	else if (byte[0] == 0xf0)
		low = 0x90;
	else if (byte[0] == 0xf4)
		high = 0x8f;

	if (left < length || byte[1] < low || byte[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (byte[i] < 0x80 || byte[i] > 0xbf)
			return 0;
	return length;
}

bool utf8_valid(const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		size_t character = utf8_character(text + at, length - at);
		if (character == 0)
			return false;
		at += character;
	}
	return true;
}

bool utf8_copy(char *out, size_t size, const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t left = strlen(text), length = 0;

	while (left > 0) {
		size_t taken = utf8_character(text, left);
		const char *from = taken == 0 ? replacement : text;
		size_t given = taken == 0 ? sizeof replacement - 1 : taken;
		if (length + given >= size)
			break;
		memcpy(out + length, from, given);
		length += given;
		taken = taken == 0 ? 1 : taken;
		text += taken;
		left -= taken;
	}
	out[length] = '\0';
	return left == 0;
}
