# What Windows and the compilers can do against exploits, asked for by name: ASLR with high entropy, no execution of data (NX), a stack
# protector, and checks of copies into places whose size is known (FORTIFY). The tests read the result out of the PE files.
if(WIN32 AND NOT MSVC)
    add_library(w2e_stack_check STATIC ${CMAKE_CURRENT_LIST_DIR}/../dll/win/stack_check.c
                                       ${CMAKE_CURRENT_LIST_DIR}/../dll/win/fortify.c)
    target_include_directories(w2e_stack_check PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../dll)
endif()

# The same source gives the same bytes, wherever and whenever it is built.
if(MSVC)
    add_compile_options(/Brepro)
    add_link_options(/Brepro)
elseif(WIN32)
    add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
    add_link_options(-Wl,--no-insert-timestamp)
endif()

# Without optimisation the compiler knows no sizes, and FORTIFY does nothing.
set(w2e_checked_code -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)

function(w2e_harden target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /GS /guard:cf)
        target_link_options(${target} PRIVATE /DYNAMICBASE /HIGHENTROPYVA /NXCOMPAT /guard:cf)
    else()
        target_compile_options(${target} PRIVATE ${w2e_checked_code})
        target_link_options(${target} PRIVATE -static-libgcc -Wl,--dynamicbase,--high-entropy-va,--nxcompat)
        target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:w2e_stack_check>)
    endif()
endfunction()
