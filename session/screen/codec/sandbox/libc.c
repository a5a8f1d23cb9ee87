// What Debian's libraries, compiled for glibc with its checks, ask of a libc
// and musl does not have: calls that know how much room there is.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room) {
	if (n > room) __builtin_trap();
	return memcpy(to, from, n);
}

void *__memset_chk(void *to, int value, size_t n, size_t room) {
	if (n > room) __builtin_trap();
	return memset(to, value, n);
}

int __vsnprintf_chk(char *to, size_t n, int flag, size_t room, const char *format, va_list args) {
	(void)flag;
	if (n > room) __builtin_trap();
	return vsnprintf(to, n, format, args);
}

int __snprintf_chk(char *to, size_t n, int flag, size_t room, const char *format, ...) {
	va_list args;
	va_start(args, format);
	int done = __vsnprintf_chk(to, n, flag, room, format, args);
	va_end(args);
	return done;
}

// Nobody reads what they print.
int __printf_chk(int flag, const char *format, ...) {
	(void)flag, (void)format;
	return 0;
}

int __fprintf_chk(FILE *to, int flag, const char *format, ...) {
	(void)to, (void)flag, (void)format;
	return 0;
}

_Noreturn void __longjmp_chk(jmp_buf to, int value) { longjmp(to, value); }
