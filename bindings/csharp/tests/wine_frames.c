/*
 * For the tests of the .NET binding on Wine, and for nothing else: lets .NET 8 catch more than one exception in a thread there.
 *
 * While Wine 8 calls an exception handler it keeps a frame on the thread's list of them (TEB, ExceptionList), which it drops in
 * RtlRestoreContext. .NET 8 goes on after a catch without that function, so the frame stays on the list while others use its piece
 * of stack, and the thread's next exception runs into it. Windows has no such list on x64. Here, before an exception is handed
 * out, the list is cut where its first frame is dead: where no function of Wine's has that piece of stack any more.
 */
#include <stdbool.h>
#include <windows.h>

enum { STACK_FRAMES_MAX = 10000 };

static DWORD64 wines_own[3];

static bool is_wines_own(DWORD64 image) {
    return image != 0 && (image == wines_own[0] || image == wines_own[1] || image == wines_own[2]);
}

/* Unwinds one call and gives the image that it was in; 0 for code without unwind data. */
static DWORD64 leave_function(CONTEXT *context) {
    DWORD64 image = 0;
    DWORD64 establisher;
    PVOID data;
    RUNTIME_FUNCTION *function = RtlLookupFunctionEntry(context->Rip, &image, NULL);
    if (function != NULL) {
        RtlVirtualUnwind(UNW_FLAG_NHANDLER, image, context->Rip, function, context, &data, &establisher, NULL);
    } else {
        context->Rip = *(DWORD64 *)(UINT_PTR)context->Rsp;
        context->Rsp += sizeof(DWORD64);
    }
    return image;
}

static DWORD64 image_of_handler(DWORD64 frame) {
    DWORD64 image = 0;
    const EXCEPTION_REGISTRATION_RECORD *registration = (const EXCEPTION_REGISTRATION_RECORD *)(UINT_PTR)frame;
    RtlLookupFunctionEntry((DWORD64)(UINT_PTR)registration->Handler, &image, NULL);
    return image;
}

/* The function that raised the exception is not the one that keeps a frame. */
static bool is_live(DWORD64 frame, CONTEXT context, const NT_TIB *thread) {
    if (frame < context.Rsp) {
        return false;
    }
    for (int i = 0; i < STACK_FRAMES_MAX && context.Rip != 0 && context.Rsp < (DWORD64)(UINT_PTR)thread->StackBase; i++) {
        DWORD64 begin = context.Rsp;
        DWORD64 image = leave_function(&context);
        if (frame >= begin && frame < context.Rsp) {
            return i > 0 && is_wines_own(image) && is_wines_own(image_of_handler(frame));
        }
    }
    return true;
}

static LONG CALLBACK cut_dead_frames(EXCEPTION_POINTERS *exception) {
    NT_TIB *thread = (NT_TIB *)NtCurrentTeb();
    DWORD64 frame = (DWORD64)(UINT_PTR)thread->ExceptionList;
    if (frame != ~(DWORD64)0 && !is_live(frame, *exception->ContextRecord, thread)) {
        thread->ExceptionList = (void *)~(UINT_PTR)0; /* the end; where a dead frame leads cannot be trusted */
    }
    return EXCEPTION_CONTINUE_SEARCH;
}

__declspec(dllexport) void wine_frames_install(void);

void wine_frames_install(void) {
    static const char *const names[] = {"ntdll.dll", "kernelbase.dll", "kernel32.dll"};
    for (int i = 0; i < 3; i++) {
        wines_own[i] = (DWORD64)(UINT_PTR)GetModuleHandleA(names[i]);
    }
    AddVectoredExceptionHandler(1, cut_dead_frames);
}
