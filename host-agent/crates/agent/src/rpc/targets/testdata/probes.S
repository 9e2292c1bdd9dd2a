# Three places of two USDT probes, as DTRACE_PROBE() of <sys/sdt.h> would leave them.
        .text
        .globl  _start
_start:
990:    nop
991:    nop
992:    nop
        .pushsection .stapsdt.base,"aG","progbits",.stapsdt.base,comdat
        .weak   _.stapsdt.base
_.stapsdt.base:
        .space  1
        .size   _.stapsdt.base,1
        .popsection

        .pushsection .probes,"aw","progbits"
shop_reply_semaphore:
        .zero   2
        .popsection

        .macro  note place, semaphore, name, arguments
        .pushsection .note.stapsdt,"","note"
        .balign 4
        .4byte  1f-0f, 3f-2f, 3
0:      .asciz  "stapsdt"
1:      .balign 4
2:      .8byte  \place, _.stapsdt.base, \semaphore
        .asciz  "shop"
        .asciz  "\name"
        .asciz  "\arguments"
3:      .balign 4
        .popsection
        .endm

        note    990b, 0, request, "-4@%edi 8@%rsi"
        note    991b, 0, request, "-4@%eax 8@%rsi"
        note    992b, shop_reply_semaphore, reply, "8@%rdx"
