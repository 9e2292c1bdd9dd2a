/* A library with two versions of one symbol. */
__attribute__((noinline)) long probed_old(long number)
{
	__asm__ volatile("" ::: "memory");
	return number;
}

__attribute__((noinline)) long probed_new(long number)
{
	__asm__ volatile("" ::: "memory");
	return number + 1;
}

__asm__(".symver probed_old, probed_call@PROBED_1");
__asm__(".symver probed_new, probed_call@@PROBED_2");
