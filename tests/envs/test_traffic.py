import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from envs.driving.road import Road
from envs.driving.scenario import RIGHT_LANE, Driver, Jaywalker, Scenario, draw_scenario
from envs.driving.traffic import FAR_SIDE, GAP, HIDING_PLACE, Traffic, User, in_right_lane

DT = 0.1
ROAD = Road([(300.0, 0.0)])


def scenario(drivers=(), jaywalkers=()):
    return Scenario(((300.0, 0.0),), (), tuple(drivers), tuple(jaywalkers), 0.0, 0.5)


def robot_at(s, d=RIGHT_LANE, speed=0.0):
    return User(s, d, speed, 0.0, 2.0, 0.85)


def overlap(a, b):
    return (
        abs(a.s - b.s) < a.half_length + b.half_length
        and abs(a.d - b.d) < a.half_width + b.half_width
    )


walkers = st.builds(
    Jaywalker, s=st.just(60.0), trigger=st.floats(1.8, 3.0), speed=st.floats(1.0, 1.8)
)


@given(walkers, st.floats(0.0, 1.9), st.floats(-1.9, 1.9), st.floats(-2.5, 2.5))
def test_a_pedestrian_does_not_walk_into_the_side_of_a_standing_car(walker, seconds, along, d):
    traffic = Traffic(scenario(jaywalkers=[walker]), ROAD)
    [who] = traffic.pedestrians
    for _ in range(round(seconds / DT)):  # lured out by a car that comes
        traffic.move(robot_at(50.0, d, 8.0), DT)
    car = robot_at(walker.s + along, d)  # which then stands across their way
    assume(who.d < car.d - car.half_width - who.half_width)
    for _ in range(300):
        traffic.move(car, DT)
        assert not overlap(car, who)
    assert who.d < car.d


@given(walkers)
def test_a_pedestrian_steps_out_before_a_car_that_comes_and_gets_across(walker):
    traffic = Traffic(scenario(jaywalkers=[walker]), ROAD)
    [who] = traffic.pedestrians
    reach = who.half_length + 2.0 + walker.trigger * 8.0
    traffic.move(robot_at(walker.s - reach - 0.5, speed=8.0), DT)
    assert who.d == HIDING_PLACE
    traffic.move(robot_at(walker.s - reach + 0.5, speed=8.0), DT)
    assert who.d > HIDING_PLACE
    for _ in range(200):  # the car has stopped in time: they cross and are gone
        traffic.move(robot_at(walker.s - 5.0), DT)
    assert FAR_SIDE <= who.d < FAR_SIDE + 2.0 * DT


def test_a_pedestrian_who_waited_goes_on_when_the_car_has_left():
    traffic = Traffic(scenario(jaywalkers=[Jaywalker(60.0, 2.0, 1.5)]), ROAD)
    [who] = traffic.pedestrians
    traffic.move(robot_at(50.0, speed=8.0), DT)
    for _ in range(100):
        traffic.move(robot_at(60.0), DT)
    assert who.d < RIGHT_LANE and who.across == 0.0
    for _ in range(100):
        traffic.move(robot_at(80.0), DT)
    assert who.d >= FAR_SIDE


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    suite=st.sampled_from(["nominal", "wrong_way", "mixed"]),
    s=st.floats(20.0, 130.0),
    d=st.floats(-2.6, 2.6),
)
def test_scripted_cars_hit_neither_each_other_nor_a_robot_that_stands(seed, suite, s, d):
    drawn = draw_scenario(suite, np.random.default_rng(seed))
    robot = robot_at(s, d)
    # Whoever starts too near to stop has not been given a chance.
    assume(all(abs(driver.s - s) > 15.0 for driver in drawn.drivers))
    traffic = Traffic(drawn, ROAD)
    for _ in range(400):
        traffic.move(robot, DT)
        for one, other in itertools.combinations([robot, *traffic.cars], 2):
            assert not overlap(one, other)


@given(st.floats(4.0, 7.0), st.floats(-2.5, 0.4))
def test_a_wrong_way_car_stops_before_a_standing_robot(speed, d):
    traffic = Traffic(scenario([Driver(120.0, -1.5, -speed)]), ROAD)
    [car] = traffic.wrong_way
    robot = robot_at(40.0, d)
    for _ in range(400):
        traffic.move(robot, DT)
    assert car.along == 0.0
    gap = car.s - robot.s - car.half_length - robot.half_length
    assert 0.5 * GAP < gap < 1.5 * GAP


def test_a_wrong_way_car_passes_a_robot_that_made_way():
    traffic = Traffic(scenario([Driver(120.0, -1.5, -6.0)]), ROAD)
    [car] = traffic.wrong_way
    robot = robot_at(40.0, 1.8)
    for _ in range(200):
        traffic.move(robot, DT)
        assert not overlap(robot, car)
    assert car.s < robot.s - 10.0


def test_a_slow_car_keeps_its_speed_on_a_free_road_and_goes_on_after_a_stop():
    traffic = Traffic(scenario([Driver(30.0, -1.5, 4.0)]), ROAD)
    [car] = traffic.cars
    far, ahead = robot_at(0.0), robot_at(60.0)
    for _ in range(10):
        traffic.move(far, DT)
    assert car.s == pytest.approx(30.0 + 4.0)
    for _ in range(200):
        traffic.move(ahead, DT)
    assert car.along == 0.0
    for _ in range(50):
        traffic.move(far, DT)
    assert car.along == pytest.approx(4.0)


def test_lanes_are_told_apart_at_the_centreline():
    assert in_right_lane(-0.1) and in_right_lane(RIGHT_LANE)
    assert not in_right_lane(0.1)
