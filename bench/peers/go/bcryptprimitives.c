/* Wine 8 lacks bcryptprimitives.dll, where Go's runtime looks for its random numbers: advapi32 has the same under another name. */
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(void *data, ULONG size);
__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T size);

BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T size) {
    return SystemFunction036(data, (ULONG)size);
}
