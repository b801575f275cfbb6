package term

// The LOINC counterparts, named so that the table of terms reads well. "magic"
// codes of the R4 vital signs profile first.
var (
	loincHeartRate    = LOINC{Code: "8867-4", Display: "Heart rate"}
	loincRespiration  = LOINC{Code: "9279-1", Display: "Respiratory rate"}
	loincSpO2         = LOINC{Code: "2708-6", Display: "Oxygen saturation in Arterial blood"}
	loincSpO2Pulse    = LOINC{Code: "59408-5", Display: "Oxygen saturation in Arterial blood by Pulse oximetry"}
	loincTemperature  = LOINC{Code: "8310-5", Display: "Body temperature"}
	loincHeight       = LOINC{Code: "8302-2", Display: "Body height"}
	loincWeight       = LOINC{Code: "29463-7", Display: "Body weight"}
	loincBMI          = LOINC{Code: "39156-5", Display: "Body mass index (BMI) [Ratio]"}
	loincBP           = LOINC{Code: "85354-9", Display: "Blood pressure panel with all children optional"}
	loincSystolic     = LOINC{Code: "8480-6", Display: "Systolic blood pressure"}
	loincDiastolic    = LOINC{Code: "8462-4", Display: "Diastolic blood pressure"}
	loincMeanPressure = LOINC{Code: "8478-0", Display: "Mean blood pressure"}

	loincArterialSystolic  = LOINC{Code: "76215-3", Display: "Invasive Systolic blood pressure"}
	loincArterialDiastolic = LOINC{Code: "76213-8", Display: "Invasive Diastolic blood pressure"}
	loincArterialMean      = LOINC{Code: "76214-6", Display: "Invasive Mean blood pressure"}
	loincEndTidalCO2       = LOINC{Code: "19891-1", Display: "Carbon dioxide [Partial pressure] in Exhaled gas --at end expiration", Unit: "mm[Hg]"}

	loincPerfusion = LOINC{Code: "61006-3", Display: "Perfusion index Tissue by Pulse oximetry"}
	loincOral      = LOINC{Code: "8331-1", Display: "Oral temperature"}
	loincRectal    = LOINC{Code: "8332-9", Display: "Rectal temperature"}
	loincAxillary  = LOINC{Code: "8328-7", Display: "Axillary temperature"}
	loincTympanic  = LOINC{Code: "8333-7", Display: "Tympanic membrane temperature"}
	loincRR        = LOINC{Code: "8637-1", Display: "R-R interval by EKG"}
	loincBodyFat   = LOINC{Code: "41982-0", Display: "Percentage of body fat Measured"}
	loincHbA1c     = LOINC{Code: "4548-4", Display: "Hemoglobin A1c/Hemoglobin.total in Blood", Unit: "%"}
	loincINR       = LOINC{Code: "34714-6", Display: "INR in Blood by Coagulation assay"}
	loincPeakFlow  = LOINC{Code: "19935-6", Display: "Maximum expiratory gas flow Respiratory system airway by Peak flow meter"}
	loincFEV1      = LOINC{Code: "20150-9", Display: "FEV1"}

	loincGlucoseCapillary  = LOINC{Code: "41653-7", Display: "Glucose [Mass/volume] in Capillary blood by Glucometer", Unit: "mg/dL"}
	loincGlucoseCapillaryM = LOINC{Code: "14743-9", Display: "Glucose [Moles/volume] in Capillary blood by Glucometer", Unit: "mmol/L"}
	loincGlucoseBlood      = LOINC{Code: "2339-0", Display: "Glucose [Mass/volume] in Blood", Unit: "mg/dL"}
	loincGlucoseBloodM     = LOINC{Code: "15074-8", Display: "Glucose [Moles/volume] in Blood", Unit: "mmol/L"}
	loincGlucosePlasma     = LOINC{Code: "2345-7", Display: "Glucose [Mass/volume] in Serum or Plasma", Unit: "mg/dL"}
	loincGlucosePlasmaM    = LOINC{Code: "14749-6", Display: "Glucose [Moles/volume] in Serum or Plasma", Unit: "mmol/L"}
	loincGlucoseISF        = LOINC{Code: "99504-3", Display: "Glucose [Mass/volume] in Interstitial fluid", Unit: "mg/dL"}
	loincGlucoseISFM       = LOINC{Code: "105272-9", Display: "Glucose [Moles/volume] in Interstitial fluid", Unit: "mmol/L"}
)
