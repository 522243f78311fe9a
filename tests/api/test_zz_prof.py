import cProfile, pstats, time
from tests.factories import make_world
def test_w(db):
    make_world.__wrapped__ if hasattr(make_world,'__wrapped__') else None
    t=time.process_time(); w=time.perf_counter()
    p=cProfile.Profile(); p.enable(); make_world(); p.disable()
    print(time.process_time()-t, time.perf_counter()-w)
    pstats.Stats(p).sort_stats('cumtime').print_stats(45)
