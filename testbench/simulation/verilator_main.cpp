// Main program of a Verilator simulation under cocotb.
//
// The order of evaluation and callbacks is the one cocotb's own main program (share/lib/verilator/verilator.cpp)
// documents. It differs in three things: a step in which nothing is registered with the VPI costs no more than the
// model's evaluation; simulated time has a limit; and `--alone` runs the model without cocotb, to compare speeds.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "Vtop.h"
#include "verilated.h"
#include "verilated_vpi.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

extern "C" void vlog_startup_routines_bootstrap(void);

static constexpr uint64_t kNever = ~0ULL;

#if VM_TRACE
static VerilatedVcdC* trace = nullptr;  // never deleted: the model it refers to goes first
#endif

static void endOfSimulation(void*) {  // also called by $stop and $fatal, so that cocotb learns of the end
    VerilatedVpi::callCbs(cbEndOfSimulation);
#if VM_TRACE
    if (trace) trace->close();
#endif
}

static void settleValueCallbacks() {
    while (VerilatedVpi::callValueCbs()) {
    }
}

// Evaluate one time step. Only callbacks change anything from outside, so if none has run at the beginning of the step
// (`woken`), none watches a value that changed and none waits for its end, then one evaluation is all there is to do.
static void evaluateWithCallbacks(Vtop& top, bool woken) {
    if (!woken) {
        top.eval_step();
        woken = VerilatedVpi::callValueCbs() || VerilatedVpi::hasCbs(cbReadWriteSynch);
        if (woken) {
            VerilatedVpi::doInertialPuts();
            settleValueCallbacks();
        }
    }
    if (woken) {
        do {
            do {
                top.eval_step();
                VerilatedVpi::clearEvalNeeded();
                VerilatedVpi::doInertialPuts();
                settleValueCallbacks();
            } while (VerilatedVpi::evalNeeded());
            VerilatedVpi::callCbs(cbReadWriteSynch);
            VerilatedVpi::doInertialPuts();
            settleValueCallbacks();
        } while (VerilatedVpi::evalNeeded());
    }
    top.eval_end_step();
    if (VerilatedVpi::hasCbs(cbReadOnlySynch)) VerilatedVpi::callCbs(cbReadOnlySynch);
}

int main(int argc, char** argv) {
    const char* traceFile = nullptr;
    uint64_t limit = kNever;
    bool alone = false;
    for (int i = 1; i < argc; ++i) {
        if (!std::strcmp(argv[i], "--trace-file") && i + 1 < argc) {
            traceFile = argv[++i];
        } else if (!std::strcmp(argv[i], "--limit") && i + 1 < argc) {
            limit = std::strtoull(argv[++i], nullptr, 10);
        } else if (!std::strcmp(argv[i], "--alone")) {
            alone = true;
        }
    }
    VerilatedContext& context = *Verilated::threadContextp();
    context.commandArgs(argc, argv);
    auto top = std::make_unique<Vtop>("");
    Verilated::fatalOnVpiError(false);  // cocotb looks for optional objects

#if VM_TRACE
    Verilated::traceEverOn(true);
    if (traceFile) {
        trace = new VerilatedVcdC;
        top->trace(trace, 99);
        trace->open(traceFile);
    }
#else
    if (traceFile) {
        std::fprintf(stderr, "this simulation was built without waves\n");
        return 2;
    }
#endif

    if (!alone) {
        vlog_startup_routines_bootstrap();
        Verilated::addExitCb(endOfSimulation, nullptr);
        VerilatedVpi::callCbs(cbStartOfSimulation);
        settleValueCallbacks();
    }
    bool woken = true;
    while (!context.gotFinish()) {
        if (alone) {
            top->eval();
        } else {
            evaluateWithCallbacks(*top, woken);
        }
#if VM_TRACE
        if (trace) trace->dump(context.time());
#endif
        uint64_t next = top->eventsPending() ? top->nextTimeSlot() : kNever;
        if (!alone) {
            const uint64_t deadline = VerilatedVpi::cbNextDeadline();
            if (deadline < next) next = deadline;
        }
        if (next == kNever) break;
        if (next > limit) {
            std::printf("simulated time limit of %llu fs reached\n", static_cast<unsigned long long>(limit));
            break;
        }
        context.time(next);
        if (!alone) {
            woken = VerilatedVpi::callCbs(cbNextSimTime);
            if (woken) settleValueCallbacks();
            if (VerilatedVpi::hasCbs(cbAfterDelay)) {
                woken = true;
                VerilatedVpi::callTimedCbs();
                settleValueCallbacks();
            }
        }
    }
    top->final();
    endOfSimulation(nullptr);
    return context.errorCount() > 0 ? 1 : 0;
}
