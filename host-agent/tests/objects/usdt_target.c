// A program with a static probe, written by hand as <sys/sdt.h> would: ringside:line with the number of the line that it
// read. It ends with its input.
#include <stdio.h>

static void probe(long number)
{
  __asm__ volatile("990: nop\n"
                   ".pushsection .note.stapsdt,\"\",\"note\"\n"
                   ".balign 4\n"
                   ".4byte 992f-991f, 994f-993f, 3\n"
                   "991: .asciz \"stapsdt\"\n"
                   "992: .balign 4\n"
                   "993: .8byte 990b\n"
                   ".8byte _.stapsdt.base\n"
                   ".8byte 0\n"
                   ".asciz \"ringside\"\n"
                   ".asciz \"line\"\n"
                   ".asciz \"-8@%0\"\n"
                   "994: .balign 4\n"
                   ".popsection\n"
                   ".ifndef _.stapsdt.base\n"
                   ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"
                   ".weak _.stapsdt.base\n"
                   ".hidden _.stapsdt.base\n"
                   "_.stapsdt.base: .space 1\n"
                   ".size _.stapsdt.base, 1\n"
                   ".popsection\n"
                   ".endif\n" ::"nor"(number));
}

int main(void)
{
  char line[64];
  for (long number = 1; fgets(line, sizeof(line), stdin); number++) {
    probe(number);
    puts("said");
    fflush(stdout);
  }
  return 0;
}
