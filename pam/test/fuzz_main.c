/*
 * Runs the fuzz target where there is no libFuzzer: over the files named, then over random changes of them, always the
 * same. `fuzz_main COUNT FILE...`
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t seed = 0x9e3779b97f4a7c15;

static size_t below(size_t limit) /* xorshift64 */
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % limit);
}

int main(int argc, char **argv)
{
	static const char spice[] = " =%\n09aZ\x7f\x80\xff\0ghiA";
	static uint8_t input[INPUT_MAX];
	struct {
		uint8_t *bytes;
		size_t size;
	} *files = calloc((size_t)argc, sizeof *files);
	size_t count = 0;

	if (argc < 3 || files == NULL)
		return 64;
	for (int i = 2; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (file == NULL)
			return 66;
		files[count].bytes = malloc(INPUT_MAX);
		files[count].size = fread(files[count].bytes, 1, INPUT_MAX, file);
		fclose(file);
		LLVMFuzzerTestOneInput(files[count].bytes, files[count].size);
		count++;
	}
	for (long round = atol(argv[1]); round > 0; round--) {
		size_t chosen = below(count), size = files[chosen].size;

		memcpy(input, files[chosen].bytes, size);
		for (size_t changes = 1 + below(6); changes > 0 && size > 0; changes--) {
			size_t at = below(size), other = below(size);
			switch (below(4)) {
			case 0:
				input[at] = (uint8_t)spice[below(sizeof spice - 1)];
				break;
			case 1:
				input[at] ^= (uint8_t)(1u << below(8));
				break;
			case 2:
				size = at;
				break;
			default:
				memmove(input + at, input + other, size - (at > other ? at : other));
			}
		}
		LLVMFuzzerTestOneInput(input, size);
	}
	for (size_t i = 0; i < count; i++)
		free(files[i].bytes);
	free(files);
	printf("ok 1 - the line reader survives %s changed inputs of %zu files\n1..1\n", argv[1], count);
	return 0;
}
