package blegatt

import "vitalwire/adapters/acom"

// MDC codes of IEEE 11073-10101 (32-bit, partition in the high half), by REFID.
const (
	profilePulseOximeter   acom.Code = 528388 // MDC_DEV_SPEC_PROFILE_PULS_OXIM
	profileBloodPressure   acom.Code = 528391 // MDC_DEV_SPEC_PROFILE_BP
	profileThermometer     acom.Code = 528392 // MDC_DEV_SPEC_PROFILE_TEMP
	profileScale           acom.Code = 528399 // MDC_DEV_SPEC_PROFILE_SCALE
	profileGlucose         acom.Code = 528401 // MDC_DEV_SPEC_PROFILE_GLUCOSE
	profileBodyComposition acom.Code = 528404 // MDC_DEV_SPEC_PROFILE_BCA
	profileCGM             acom.Code = 528409 // MDC_DEV_SPEC_PROFILE_CGM
	profileHeartRate       acom.Code = 528525 // MDC_DEV_SUB_SPEC_PROFILE_HR

	mdcHeartRate       acom.Code = 147842  // MDC_ECG_HEART_RATE
	mdcRRInterval      acom.Code = 147240  // MDC_ECG_TIME_PD_RR_GL
	mdcECGDeviceStatus acom.Code = 8410584 // MDC_ECG_DEV_STAT
	mdcEnergyExpended  acom.Code = 8454263 // MDC_HF_ENERGY

	mdcBloodPressure       acom.Code = 150020  // MDC_PRESS_BLD_NONINV
	mdcSystolic            acom.Code = 150021  // MDC_PRESS_BLD_NONINV_SYS
	mdcDiastolic           acom.Code = 150022  // MDC_PRESS_BLD_NONINV_DIA
	mdcMeanPressure        acom.Code = 150023  // MDC_PRESS_BLD_NONINV_MEAN
	mdcPulseRateNonInv     acom.Code = 149546  // MDC_PULS_RATE_NON_INV
	mdcBloodPressureStatus acom.Code = 8410608 // MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS

	mdcBodyTemperature acom.Code = 150364 // MDC_TEMP_BODY
	mdcTempTympanum    acom.Code = 150392 // MDC_TEMP_TYMP
	mdcTempRectum      acom.Code = 188420 // MDC_TEMP_RECT
	mdcTempMouth       acom.Code = 188424 // MDC_TEMP_ORAL
	mdcTempEar         acom.Code = 188428 // MDC_TEMP_EAR
	mdcTempFinger      acom.Code = 188432 // MDC_TEMP_FINGER
	mdcTempToe         acom.Code = 188448 // MDC_TEMP_TOE
	mdcTempArmpit      acom.Code = 188452 // MDC_TEMP_AXILLA
	mdcTempGut         acom.Code = 188456 // MDC_TEMP_GIT

	mdcSpO2           acom.Code = 150456 // MDC_PULS_OXIM_SAT_O2
	mdcPulseRateOxim  acom.Code = 149530 // MDC_PULS_OXIM_PULS_RATE
	mdcPulseAmplitude acom.Code = 150488 // MDC_BLD_PERF_INDEX
	mdcOximeterStatus acom.Code = 150604 // MDC_PULS_OXIM_DEV_STATUS
	mdcModalityFast   acom.Code = 150580 // MDC_MODALITY_FAST
	mdcModalitySlow   acom.Code = 150584 // MDC_MODALITY_SLOW
	mdcModalitySpot   acom.Code = 150588 // MDC_MODALITY_SPOT

	mdcBodyWeight      acom.Code = 188736 // MDC_MASS_BODY_ACTUAL
	mdcBodyHeight      acom.Code = 188740 // MDC_LEN_BODY_ACTUAL
	mdcBodyMassIndex   acom.Code = 188752 // MDC_RATIO_MASS_BODY_LEN_SQ
	mdcBodyFat         acom.Code = 188748 // MDC_BODY_FAT
	mdcFatFreeMass     acom.Code = 188756 // MDC_MASS_BODY_FAT_FREE
	mdcSoftLeanMass    acom.Code = 188760 // MDC_MASS_BODY_SOFT_LEAN
	mdcBodyWater       acom.Code = 188764 // MDC_BODY_WATER
	mdcBasalMetabolism acom.Code = 188768 // MDC_BASAL_METABOLISM
	mdcMuscleShare     acom.Code = 188772 // MDC_BODY_MUSCLE
	mdcMuscleMass      acom.Code = 188776 // MDC_MASS_BODY_MUSCLE
	mdcImpedance       acom.Code = 188780 // MDC_BODY_ELECTRICAL_IMPEDANCE

	mdcGlucose            acom.Code = 160020  // MDC_CONC_GLU_GEN
	mdcGlucoseControl     acom.Code = 160208  // MDC_CONC_GLU_CONTROL
	mdcGlucoseISF         acom.Code = 160212  // MDC_CONC_GLU_ISF
	mdcHbA1c              acom.Code = 160220  // MDC_CONC_HBA1C
	mdcGlucoseMeterStatus acom.Code = 8417752 // MDC_GLU_METER_DEV_STATUS
	mdcExercise           acom.Code = 8417760 // MDC_CTXT_GLU_EXERCISE
	mdcCarbohydrate       acom.Code = 8417764 // MDC_CTXT_GLU_CARB
	mdcMedication         acom.Code = 8417796 // MDC_CTXT_MEDICATION
	mdcHealth             acom.Code = 8417820 // MDC_CTXT_GLU_HEALTH
	mdcSampleLocation     acom.Code = 8417844 // MDC_CTXT_GLU_SAMPLELOCATION
	mdcMeal               acom.Code = 8417864 // MDC_CTXT_GLU_MEAL
	mdcTester             acom.Code = 8417884 // MDC_CTXT_GLU_TESTER

	mdcGlucoseTrend acom.Code = 8418008 // MDC_CONC_GLU_TREND
	mdcCGMRunTime   acom.Code = 8418040 // MDC_CGM_SENSOR_RUN_TIME
	mdcCGMStatus    acom.Code = 8418060 // MDC_CGM_DEV_STAT
	mdcDeviceStatus acom.Code = 8408608 // MDC_PHD_DM_DEV_STAT

	mdcHardwareRevision acom.Code = 531974 // MDC_ID_PROD_SPEC_HW
	mdcSoftwareRevision acom.Code = 531975 // MDC_ID_PROD_SPEC_SW
	mdcFirmwareRevision acom.Code = 531976 // MDC_ID_PROD_SPEC_FW
)

// Units of partition 4. The low five bits are the decimal prefix (3 is kilo, 18
// milli), so kilojoule is MDC_DIM_X_JOULES + 3.
const (
	unitPercent       acom.Code = 262688 // MDC_DIM_PERCENT
	unitMetre         acom.Code = 263424 // MDC_DIM_M
	unitInch          acom.Code = 263520 // MDC_DIM_INCH
	unitMillilitre    acom.Code = 263762 // MDC_DIM_MILLI_L
	unitGram          acom.Code = 263872 // MDC_DIM_G
	unitKilogram      acom.Code = 263875 // MDC_DIM_KILO_G
	unitMilligram     acom.Code = 263890 // MDC_DIM_MILLI_G
	unitPound         acom.Code = 263904 // MDC_DIM_LB
	unitKgPerM2       acom.Code = 264096 // MDC_DIM_KG_PER_M_SQ
	unitMgPerDL       acom.Code = 264274 // MDC_DIM_MILLI_G_PER_DL
	unitMillisecond   acom.Code = 264338 // MDC_DIM_MILLI_SEC
	unitHour          acom.Code = 264384 // MDC_DIM_HR
	unitBeatPerMin    acom.Code = 264864 // MDC_DIM_BEAT_PER_MIN
	unitGPerLPerMin   acom.Code = 265728 // MDC_DIM_X_G_PER_L_PER_MIN
	unitKilopascal    acom.Code = 265987 // MDC_DIM_KILO_PASCAL
	unitMmHg          acom.Code = 266016 // MDC_DIM_MMHG
	unitKilojoule     acom.Code = 266115 // MDC_DIM_KILO_JOULES
	unitOhm           acom.Code = 266432 // MDC_DIM_X_OHM
	unitFahrenheit    acom.Code = 266560 // MDC_DIM_FAHR
	unitMmolPerL      acom.Code = 266866 // MDC_DIM_MILLI_MOLE_PER_L
	unitDegreeCelsius acom.Code = 268192 // MDC_DIM_DEGC
)
