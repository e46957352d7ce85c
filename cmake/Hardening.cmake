# What Windows can do against exploits, asked for by name: ASLR with high entropy, no execution of data (NX), and a stack protector.
# The tests read the result out of the PE headers.
if(WIN32 AND NOT MSVC)
    add_library(w2e_stack_check STATIC ${CMAKE_CURRENT_LIST_DIR}/../dll/win/stack_check.c)
    target_include_directories(w2e_stack_check PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../dll)
endif()

function(w2e_harden target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /GS /guard:cf)
        target_link_options(${target} PRIVATE /DYNAMICBASE /HIGHENTROPYVA /NXCOMPAT /guard:cf)
    else()
        target_compile_options(${target} PRIVATE -fstack-protector-strong)
        target_link_options(${target} PRIVATE -static-libgcc -Wl,--dynamicbase,--high-entropy-va,--nxcompat)
        target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:w2e_stack_check>)
    endif()
endfunction()
